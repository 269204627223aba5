-- RSTs by cause; and whose timeout they are, where all came after the same silence.
select teardown.service_of(server) as service, host, ending, coalesce(reset_cause, '-') as cause,
  closed_first, count(*) as connections,
  round(min((o ->> 'idle_us')::numeric) / 1000000, 2) as least_idle,
  round(max((o ->> 'idle_us')::numeric) / 1000000, 2) as most_idle,
  case when count((o ->> 'idle_us')::bigint) >= 3 and min((o ->> 'idle_us')::bigint) >= 1000000
    and max((o ->> 'idle_us')::bigint) - min((o ->> 'idle_us')::bigint) <= max((o ->> 'idle_us')::bigint) / 50 + 100000
    then 'of ' || mode() within group (order by coalesce(o #>> '{reset_path,from}', closed_first)) else '' end as timeout
from teardown.verdicts(:since, :until)
where ending in ('reset', 'refused') or (o ->> 'idle_us')::bigint >= 1000000
group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4;
