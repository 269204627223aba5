-- Who closes first, by service, of hosts that count (capture --roll-up); and how long a close takes.
select (o -> 'service')::int as service, host, sum((o -> 'connections')::bigint) as closes,
  sum((o -> 'connections')::bigint) filter (where o ->> 'closed_first' = 'client') as client,
  sum((o -> 'connections')::bigint) filter (where o ->> 'closed_first' = 'server') as server,
  sum((o -> 'connections')::bigint) filter (where o ->> 'ending' = 'reset') as resets,
  sum((o -> 'connections')::bigint) filter (where o -> 'lost' <> '[]') as with_loss,
  round(sum((o #> '{duration_us,sum}')::numeric) filter (where o -> 'duration_us' <> 'null')
    / sum((o #> '{duration_us,connections}')::numeric) filter (where o -> 'duration_us' <> 'null') / 1000, 1) as mean_ms,
  round(max((o #> '{duration_us,most}')::numeric) filter (where o -> 'duration_us' <> 'null') / 1000, 1) as most_ms
from teardown.object where type = 'rollup' and t between :since and :until
group by 1, 2 order by 1, 2;
