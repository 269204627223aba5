-- Who leaks CLOSE_WAIT: who holds the socket, and for how long the oldest has waited.
with newest as (
  select distinct on (host, run, o -> 'conn') host, o
  from teardown.object where type = 'stuck' and t between :since and :until
  order by host, run, o -> 'conn', line desc
)
select host, teardown.service_of(o ->> 'server') as service,
  coalesce((o #>> '{owner,command}') || ' [' || (o #>> '{owner,pid}') || ']', 'unknown') as holder,
  count(*) as sockets, make_interval(secs => round(max((o ->> 'us')::numeric) / 1000000)) as oldest,
  sum((o ->> 'unread')::bigint) as unread
from newest
where o ->> ((o ->> 'about') || '_state') = 'CLOSE_WAIT' and o -> 'owner' <> 'null'
group by 1, 2, 3 order by sockets desc;
