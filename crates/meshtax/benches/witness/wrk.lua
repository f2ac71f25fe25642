-- Prints what wrk saw as a line of JSON: each latency in microseconds with how often it was seen.
function done(summary, latency)
   local seen = {}
   for i = 1, #latency do
      seen[i] = string.format("[%d,%d]", latency(i))
   end
   local errors = summary.errors
   print(string.format(
      '{"duration_us":%d,"requests":%d,"errors":%d,"latency_us":[%s]}',
      summary.duration,
      summary.requests,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      table.concat(seen, ",")))
end
