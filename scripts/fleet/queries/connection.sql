-- One connection from both sides: the merged verdict, and what became of each segment.
-- -v key=... chooses it; else the one that lost most.
\if :{?key}
\else
select key from teardown.merged(:since, :until)
order by (select sum(n::int) from jsonb_each_text(losses) as l (role, n)) desc nulls last, key limit 1 \gset
\endif
select client, server, closed_first, ending, losses, coalesce(reset_cause, '-') as reset_cause, verdict
from teardown.merged(:since, :until) where key = :'key';
select unnest(sentences) as "each tap alone" from teardown.merged(:since, :until) where key = :'key';
select sent_at, round(((sent + case when sent_at > seen_at then "offset" else 0 end
    - min(sent + case when sent_at > seen_at then "offset" else 0 end) over ()) * 1000)::numeric, 1) as ms,
  flags, seq, ack, payload_bytes as bytes, fate, seen_at,
  round(((seen - sent) * 1000)::numeric, 3) as took_ms
from teardown.fates(:since, :until) where key = :'key'
order by ms;
