-- One verdict of what two hosts saw of a connection. Part of schema.sql.
--
-- Each tap is right from where it stands, and lacks what was lost before it. Together they know what
-- was sent and what arrived: a RST that did not arrive ended nothing at the other end; the first
-- answer to the first FIN is the one that was sent first, captured by both or not; what one tap alone
-- saw end has ended.

create or replace function merged(since double precision, until double precision)
returns table (key text, client text, server text, hosts text[], closed_first text, ending text,
               losses jsonb, reset_cause text, verdict text, segments bigint, unknown bigint,
               sentences text[])
language sql stable set jit = off set enable_nestloop = off set work_mem = '64MB' as $$
with
seen as materialized (select v.* from teardown.verdicts(since, until) v),
seen_twice as materialized (
  select a.key, a.host as a_host, b.host as b_host, a.client, a.server, a.closed_first as a_first,
    b.closed_first as b_first, a.ending as a_ending, b.ending as b_ending, a.reset_cause as a_cause,
    b.reset_cause as b_cause, a.verdict as a_verdict, b.verdict as b_verdict,
    -- What one lacks, its end's own segments, the other has.
    coalesce(a.o ->> 'doubt' = 'gap' and b.o ->> 'doubt' is null, false) as b_knows,
    coalesce(b.o ->> 'doubt' = 'gap' and a.o ->> 'doubt' is null, false) as a_knows,
    array[a.host || ': ' || (a.o ->> 'sentence'), b.host || ': ' || (b.o ->> 'sentence')] as sentences
  from seen a join seen b on b.key = a.key and b.host > a.host
),
-- By the clock of the first host.
segment as materialized (
  select f.*, f.sent + case when f.sent_at = b.b_host then f."offset" else 0 end as at,
    f.flags like '%F%' as has_fin, f.flags like '%R%' as has_rst, (f.seq + f.payload_bytes) % 4294967296 as fin
  from teardown.fates(since, until) f join seen_twice b using (key)
  where (f.sent_at, f.seen_at) in ((b.a_host, b.b_host), (b.b_host, b.a_host))
),
fin1 as materialized (
  select distinct on (key) key, source, fin from segment where has_fin order by key, at
),
fin2 as materialized (
  select distinct on (s.key) s.key, s.source, s.fin from segment s join fin1 on fin1.key = s.key
  where s.has_fin and s.source <> fin1.source order by s.key, s.at
),
-- A sequence number is behind another if it is so by less than half of all numbers.
covering as materialized (
  select s.*, fin1.source = s.destination and (s.ack - fin1.fin + 4294967296) % 4294967296 between 1 and 2147483647 as covers1,
    fin2.source = s.destination and (s.ack - fin2.fin + 4294967296) % 4294967296 between 1 and 2147483647 as covers2,
    fin1.source = s.source as is_of_first
  from segment s join fin1 on fin1.key = s.key left join fin2 on fin2.key = s.key
  where s.flags like '%.%' and not s.has_rst
),
answer as materialized (
  select distinct on (key) key, at, has_fin from covering where covers1 order by key, at
),
-- What covers the first FIN after that one answers nothing.
heard as materialized (
  select key, min(at) as heard_at from covering where covers1 and fate = 'arrived' group by key
),
-- Not later than a delayed ACK is after the newest copy that was there.
first_answer as materialized (
  select a.key, a.has_fin and a.at - max(c.at) <= 0.5 as coalesced
  from answer a join covering c on c.key = a.key and c.has_fin and c.is_of_first and c.at <= a.at
  group by a.key, a.has_fin, a.at
),
lost as (
  select key, 'fin1' as role, count(*) as n from covering where has_fin and is_of_first and fate = 'lost' group by key
  union all
  select key, 'ack1', count(*) from covering left join heard using (key)
  where covers1 and fate = 'lost' and (heard_at is null or at < heard_at) group by key
  union all
  select key, 'fin2', count(*) from covering where has_fin and not is_of_first and fate = 'lost' group by key
  union all
  select key, 'final-ack', count(*) from covering where covers2 and not has_fin and fate = 'lost' group by key
),
losses as materialized (
  select key, jsonb_object_agg(role, n) as losses
  from (select key, role, sum(n) as n from lost group by 1, 2) each group by key
),
total as materialized (
  select key, count(*) as segments, count(*) filter (where fate = 'unknown') as unknown,
    bool_or(has_rst and fate <> 'lost') as has_reset,
    (array_agg(sent_at order by at) filter (where has_rst))[1] as resets_at,
    (array_agg(fate order by at) filter (where has_rst))[1] = 'lost' as first_reset_lost
  from segment group by key
),
chosen as (
  select b.*, t.segments, t.unknown, t.resets_at, t.first_reset_lost, coalesce(l.losses, '{}') as losses,
    case
      when a_ending = b_ending then a_ending
      when a_ending = 'simultaneous' and b_knows then b_ending
      when b_ending = 'simultaneous' and a_knows then a_ending
      when a_ending in ('reset', 'refused') and not t.has_reset then b_ending
      when b_ending in ('reset', 'refused') and not t.has_reset then a_ending
      when a_ending in ('normal', 'coalesced') and b_ending in ('normal', 'coalesced')
        then case when f.coalesced then 'coalesced' else 'normal' end
      when a_ending like 'unfinished%' or a_ending = 'open' then b_ending
      when b_ending like 'unfinished%' or b_ending = 'open' then a_ending
      else case when t.resets_at = a_host then b_ending else a_ending end
    end as ending,
    case
      when a_first = b_first then a_first
      when a_first = 'none' then b_first
      when b_first = 'none' then a_first
      when a_knows then a_first
      when b_knows then b_first
      when f1.source = client then 'client'
      else 'server'
    end as first
  from seen_twice b
  left join total t on t.key = b.key
  left join losses l on l.key = b.key
  left join first_answer f on f.key = b.key
  left join fin1 f1 on f1.key = b.key
)
-- Of the RST that ended it. Whoever had sent one before, which was lost, had no connection any more.
select key, client, server, array[a_host, b_host], first, ending, losses,
  case when ending in ('reset', 'refused') then
    case when first_reset_lost then 'no-socket' when resets_at = b_host then b_cause else a_cause end end,
  case
    when 'violates' in (a_verdict, b_verdict) then 'violates'
    when a_knows then a_verdict
    when b_knows then b_verdict
    when 'cannot-tell' in (a_verdict, b_verdict) then 'cannot-tell'
    else 'conforms'
  end,
  coalesce(segments, 0), coalesce(unknown, 0), sentences
from chosen
$$;
