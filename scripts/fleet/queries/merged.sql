-- What two hosts saw of the same connections, in one verdict each; counted.
select teardown.service_of(server) as service, closed_first, ending, reset_cause, count(*) as connections,
  sum(segments) as segments, sum(unknown) as unknown,
  sum((losses ->> 'fin1')::int) as fin1_lost, sum((losses ->> 'ack1')::int) as ack1_lost,
  sum((losses ->> 'fin2')::int) as fin2_lost, sum((losses ->> 'final-ack')::int) as final_ack_lost
from teardown.merged(:since, :until)
group by 1, 2, 3, 4 order by 1, 5 desc;
