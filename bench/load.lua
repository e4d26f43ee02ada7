-- What wrk sends (a method, headers and a body from files) and how it reports: one JSON line.
-- WRK_METHOD, WRK_HEADERS (a file of "Name: value" lines) and WRK_BODY (a file) come by environment.
local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

wrk.method = os.getenv("WRK_METHOD") or "GET"
if os.getenv("WRK_BODY") then wrk.body = read(os.getenv("WRK_BODY")) end
if os.getenv("WRK_HEADERS") then
  for name, value in read(os.getenv("WRK_HEADERS")):gmatch("([^:\n]+): ([^\n]*)\n") do
    wrk.headers[name] = value
  end
end

-- WRK_COUNTED replaces "@@" in the body by a number that no other request of the run has.
if os.getenv("WRK_COUNTED") then
  local threads = 0
  function setup(thread)
    thread:set("id", threads)
    threads = threads + 1
  end
  local count = 0
  local body = wrk.body
  function request()
    count = count + 1
    return wrk.format(nil, nil, nil, (body:gsub("@@", os.getenv("WRK_COUNTED") .. "-" .. id .. "-" .. count)))
  end
end

-- WRK_PATHS (a file of lines) are asked one after the other.
if os.getenv("WRK_PATHS") then
  local requests = {}
  for path in read(os.getenv("WRK_PATHS")):gmatch("[^\n]+") do requests[#requests + 1] = path end
  function init()
    for i, path in ipairs(requests) do requests[i] = wrk.format(nil, path) end
  end
  local at = 0
  function request()
    at = at % #requests + 1
    return requests[at]
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_us": %.1f, "p99_us": %.1f, "failed": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
