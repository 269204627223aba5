-- What ship.sh runs for each file: its rows and its name, together or not at all. stdin: the file.
\set ON_ERROR_STOP 1
\set QUIET 1
begin;
select teardown.need_day() \g /dev/null
with new as (
  insert into teardown.shipped (file) values (:'file') on conflict do nothing returning 1
) select count(*) as is_new from new \gset
\if :is_new
-- A line is a value, whatever is in it.
\copy teardown.object (o) from pstdin with (format csv, quote e'\x01', delimiter e'\x02')
\endif
commit;
