-- The database of many hosts: what each capture writes with --host-name, --segments close and
-- --json FILE --rotate S, a row an object. Run it as the owner of an empty database, or again:
--   psql -v ON_ERROR_STOP=1 -f schema.sql teardown
-- A host is a role that may log in and is a member of teardown_host. It can insert, and nothing
-- else: neither read nor change, nor speak for another, for its rows bear the name of its session.
--   create role "web-1.example" login in role teardown_host;   -- as capture's --host-name says it
\set ON_ERROR_STOP 1
begin;

select not exists (select from pg_roles where rolname = 'teardown_host') as missing \gset
\if :missing
create role teardown_host nologin;
\endif

create schema if not exists teardown;
grant usage on schema teardown to teardown_host;
set local search_path to teardown;

-- What comes twice has the same host, run and line. The day is that of arrival: when a day is old,
-- its partition is dropped, whatever the clocks of the hosts say.
create table if not exists object (
  day date not null default current_date,
  host text not null default session_user,
  run text not null generated always as (o ->> 'run') stored,
  line bigint not null generated always as ((o ->> 'line')::bigint) stored,
  type text not null generated always as (o ->> 'type') stored,
  t double precision generated always as ((o ->> 't')::double precision) stored,
  o jsonb not null,
  primary key (host, run, line, day),
  constraint of_this_host check (o ->> 'host' = host),
  constraint of_this_schema check (o -> 'schema' = '2')
) partition by range (day);
create index if not exists object_by_time on object (type, t);
grant insert (o) on object to teardown_host;

-- Files whose rows are there, written in the transaction that brought the rows.
create table if not exists shipped (
  host text not null default session_user,
  file text not null,
  at timestamptz not null default now(),
  primary key (host, file)
);
grant insert (file) on shipped to teardown_host;

-- The partition of today, made by whoever comes first. Attached, not created as one: that would wait
-- for every question that is being answered, and hold up all that come after it.
create or replace function need_day() returns void language plpgsql security definer
set search_path = teardown, pg_temp as $$
declare
  name text := 'object_' || to_char(current_date, 'YYYYMMDD');
begin
  if to_regclass('teardown.' || name) is not null then return; end if;
  perform pg_advisory_xact_lock(hashtext('teardown.need_day'));
  if to_regclass('teardown.' || name) is not null then return; end if;
  execute format('create table %I (like object including all)', name);
  execute format('alter table object attach partition %I for values from (%L) to (%L)', name,
                 current_date, current_date + 1);
end $$;
revoke all on function need_day() from public;
grant execute on function need_day() to teardown_host;

-- Forgets days, by their partitions; files of a month before that are not offered again.
create or replace function drop_days_before(first date) returns setof text language plpgsql as $$
declare
  name text;
begin
  for name in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'teardown.object'::regclass and c.relname < 'object_' || to_char(first, 'YYYYMMDD')
  loop
    execute format('drop table teardown.%I', name);
    return next name;
  end loop;
  delete from teardown.shipped where at < first - 30;
end $$;
revoke all on function drop_days_before(date) from public;

-- ---- What the objects say ----------------------------------------------------------------------

-- Of a connection the last verdict counts. `key` names it wherever it was captured: addresses,
-- ports and both initial sequence numbers.
create or replace function key_of(one text, one_isn text, other text, other_isn text) returns text
language sql immutable as $$
  select case when (one collate "C") < (other collate "C")
    then concat_ws(' ', one, coalesce(one_isn, '-'), other, coalesce(other_isn, '-'))
    else concat_ws(' ', other, coalesce(other_isn, '-'), one, coalesce(one_isn, '-')) end
$$;

create or replace function verdicts(since double precision, until double precision)
returns table (host text, run text, conn bigint, t double precision, key text, client text,
               server text, closed_first text, ending text, reset_cause text, verdict text, o jsonb)
language sql stable as $$
  select distinct on (host, run, o -> 'conn') host, run, (o -> 'conn')::bigint, t,
    teardown.key_of(o ->> 'client', o #>> '{isn,client}', o ->> 'server', o #>> '{isn,server}'),
    o ->> 'client', o ->> 'server', o ->> 'closed_first', o ->> 'ending', o ->> 'reset_cause',
    o ->> 'verdict', o
  from teardown.object where type = 'verdict' and t between since and until
  order by host, run, o -> 'conn', line desc
$$;

-- A port number is a service.
create or replace function service_of(name text) returns int
language sql immutable as $$ select (regexp_match(name, ':(\d+)$'))[1]::int $$;

\ir fates.sql
\ir merged.sql

commit;
