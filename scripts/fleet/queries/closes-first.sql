-- Who closes first, by service.
select teardown.service_of(server) as service, host, count(*) as closes,
  count(*) filter (where closed_first = 'client') as client,
  count(*) filter (where closed_first = 'server') as server,
  count(*) filter (where closed_first = 'both') as both,
  count(*) filter (where closed_first = 'none') as nobody,
  count(*) filter (where ending like 'unfinished%') as unfinished
from teardown.verdicts(:since, :until)
group by 1, 2 order by 1, 2;
