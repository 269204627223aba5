-- One connection from both sides: what became of each segment on its way. Part of schema.sql.
--
-- A segment is known at both taps by its connection, sender, numbers, flags, length, window,
-- timestamps and IP identification. Who is nearer to its sender, and how far apart the two clocks
-- are, follows from the shortest one-way times in both directions, as if the way there were as
-- short as the way back. What the sender's tap has and the other lacks was lost between, unless
--   - the other was not capturing then, or its rows of that time have not come yet;
--   - the other lacks elsewhere what must have passed it;
--   - copies are alike and one arrived, which may be this one;
--   - other segments (offloading) have the same octets:
-- then it is unknown.

-- One row a segment as its sender's tap has it; `seen` is by the other tap's clock, less `offset`.
create or replace function fates(since double precision, until double precision)
returns table (key text, source text, destination text, sent_at text, seen_at text, sent double precision,
               seen double precision, "offset" double precision, fate text, flags text, seq bigint,
               ack bigint, payload_bytes bigint, tsval bigint, ip_id int)
language sql stable set jit = off set enable_nestloop = off set work_mem = '64MB' as $$
with
copy as materialized (
  select host, run, t, line, o ->> 'source' as source, o ->> 'destination' as destination,
    teardown.key_of(o ->> 'source', o #>> '{isn,source}', o ->> 'destination', o #>> '{isn,destination}') as key,
    regexp_replace(o ->> 'source', ':\d+$', '') as from_address,
    regexp_replace(o ->> 'destination', ':\d+$', '') as to_address,
    md5((o - '{t,conn,host,run,line,isn}'::text[])::text) as what, o
  from teardown.object where type = 'sighting' and t between since and until
),
-- Where a run could have seen something.
awake as materialized (
  select host, run, min(t) as from_t, max(t) as to_t
  from teardown.object where (host, run) in (select distinct host, run from copy) and t > 0 group by 1, 2
),
tap as materialized (select distinct key, host, run from copy),
pair as materialized (
  select a.key, a.host as a_host, a.run as a_run, b.host as b_host, b.run as b_run
  from tap a join tap b on b.key = a.key and (b.host, b.run) > (a.host, a.run) and b.host <> a.host
),
-- Of the segments that each of two taps has once: the second one's time less the first one's.
once as materialized (
  select host, run, key, what, min(t) as t, min(from_address) as from_address, min(to_address) as to_address
  from copy group by 1, 2, 3, 4 having count(*) = 1
),
difference as materialized (
  select p.a_host, p.a_run, p.b_host, p.b_run, a.from_address, a.to_address,
    min(b.t - a.t) as least, max(b.t - a.t) as most, avg(b.t - a.t) as mean
  from pair p
  join once a on (a.key, a.host, a.run) = (p.key, p.a_host, p.a_run)
  join once b on (b.key, b.host, b.run, b.what) = (p.key, p.b_host, p.b_run, a.what)
  group by 1, 2, 3, 4, 5, 6
),
-- From the end that the first tap is nearer to; an offset is what the second clock is ahead.
path as materialized (
  select there.a_host, there.a_run, there.b_host, there.b_run, there.from_address, there.to_address,
    (there.least + back.most) / 2 as off, (there.least - back.most) / 2 as least,
    greatest(there.most - (there.least + back.most) / 2, (there.least + back.most) / 2 - back.least) as most
  from difference there
  join difference back on (back.a_host, back.a_run, back.b_host, back.b_run, back.from_address, back.to_address)
    = (there.a_host, there.a_run, there.b_host, there.b_run, there.to_address, there.from_address)
  where there.mean > back.mean and there.least >= back.most
),
-- A way from tap to tap; clocks as the sender's tap has them.
way as materialized (
  select from_address, to_address, a_host as near_host, a_run as near_run, b_host as far_host,
    b_run as far_run, off, least, most from path
  union all
  select to_address, from_address, b_host, b_run, a_host, a_run, -off, least, most from path
),
sent as materialized (
  select c.*, w.far_host, w.far_run, w.off, w.least, w.most,
    row_number() over (partition by c.host, c.run, w.far_host, w.far_run, c.key, c.what order by c.t, c.line) as nth,
    count(*) over (partition by c.host, c.run, w.far_host, w.far_run, c.key, c.what) as copies,
    lead(c.t) over (partition by c.host, c.run, w.far_host, w.far_run, c.key, c.what order by c.t, c.line) as next_t
  from copy c
  join way w on (w.near_host, w.near_run, w.from_address, w.to_address) = (c.host, c.run, c.from_address, c.to_address)
  join tap on (tap.key, tap.host, tap.run) = (c.key, w.far_host, w.far_run)
),
-- The first arrival of each, by the sender's clock: copies that are alike share theirs by time.
arrival as materialized (
  select s.host, s.run, s.far_host, s.far_run, s.key, s.line, min(r.t - s.off) as t
  from sent s
  join copy r on (r.host, r.run, r.key, r.what) = (s.far_host, s.far_run, s.key, s.what)
    and (s.nth = 1 or s.t <= r.t - s.off + s.least + 2e-6)
    and (s.next_t is null or s.next_t > r.t - s.off + s.least + 2e-6)
  group by 1, 2, 3, 4, 5, 6
),
-- What must have passed the sender's tap, and is not there.
only_far as materialized (
  select w.near_host, w.near_run, w.far_host, w.far_run, r.key, r.source,
    (r.o ->> 'payload_bytes')::bigint > 0 as has_octets, r.o ->> 'flags' like '%R%' as is_reset,
    r.t - w.off - w.most - 0.02 >= k.from_t and r.t - w.off + w.most + 0.02 <= k.to_t as was_awake
  from copy r
  join way w on (w.far_host, w.far_run, w.from_address, w.to_address) = (r.host, r.run, r.from_address, r.to_address)
  join tap on (tap.key, tap.host, tap.run) = (r.key, w.near_host, w.near_run)
  join awake k on (k.host, k.run) = (w.near_host, w.near_run)
  where not exists (select from copy s where (s.host, s.run, s.key, s.what) = (w.near_host, w.near_run, r.key, r.what))
),
-- Both taps have octets in segments that the other has not: they were cut, or put together.
offloads as materialized (
  select distinct s.host, s.run, s.far_host, s.far_run, s.key, s.source
  from sent s
  join only_far r on (r.near_host, r.near_run, r.far_host, r.far_run, r.key, r.source)
    = (s.host, s.run, s.far_host, s.far_run, s.key, s.source) and r.has_octets
  where (s.o ->> 'payload_bytes')::bigint > 0
    and not exists (select from arrival a where (a.host, a.run, a.far_host, a.far_run, a.line)
      = (s.host, s.run, s.far_host, s.far_run, s.line))
),
misses as materialized (
  select distinct r.near_host as host, r.near_run as run
  from only_far r
  where r.was_awake and not r.is_reset and not (r.has_octets and exists (select from offloads f
    where (f.host, f.run, f.far_host, f.far_run, f.key, f.source)
      = (r.near_host, r.near_run, r.far_host, r.far_run, r.key, r.source)))
)
select s.key, s.source, s.destination, s.host, s.far_host, s.t, a.t, s.off,
  case
    when a.t is not null then 'arrived'
    when m.host is not null then 'unknown'
    when s.t - s.most - 0.02 < k.from_t - s.off or s.t + s.most + 0.02 > k.to_t - s.off then 'unknown'
    when f.host is not null and ((s.o ->> 'payload_bytes')::bigint > 0 or s.o ->> 'flags' like '%F%') then 'unknown'
    when s.copies > 1 and exists (select from copy r
      where (r.host, r.run, r.key, r.what) = (s.far_host, s.far_run, s.key, s.what)
        and r.t - s.off - s.t between -s.least - 2e-6 and 2 * s.most + 0.02) then 'unknown'
    else 'lost'
  end,
  s.o ->> 'flags', (s.o ->> 'seq')::bigint, (s.o ->> 'ack')::bigint, (s.o ->> 'payload_bytes')::bigint,
  (s.o ->> 'tsval')::bigint, (s.o ->> 'ip_id')::int
from sent s
join awake k on (k.host, k.run) = (s.far_host, s.far_run)
left join arrival a on (a.host, a.run, a.far_host, a.far_run, a.line) = (s.host, s.run, s.far_host, s.far_run, s.line)
left join misses m on (m.host, m.run) = (s.far_host, s.far_run)
left join offloads f on (f.host, f.run, f.far_host, f.far_run, f.key, f.source)
  = (s.host, s.run, s.far_host, s.far_run, s.key, s.source)
$$;
