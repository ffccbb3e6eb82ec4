#include "host/live/fetcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include "host/base/text.hpp"
#include "host/live/chain_text.hpp"
#include "host/live/code_hashes.hpp"
#include "host/live/multicall.hpp"

namespace gantry::host {

// One thing to fetch, for all who want it.
struct Fetcher::Job {
  const PoolRequest* request = nullptr;
  gantry_status status = GANTRY_REFUSED;
  recording::Bytes data;
  bool done = false;
};

namespace {

// The node's answer to one call as a fact has it.
void take(const RpcAnswer& answer, std::int32_t source, gantry_status& status,
          recording::Bytes& data) {
  status = GANTRY_REFUSED;
  data.clear();
  const auto bytes = bytes_of(answer ? *answer : answer.error().data);
  if (bytes) data = *bytes;
  if (!answer || !bytes || data.size() > recording::fact_bytes_max) {
    if (data.size() > recording::fact_bytes_max) data.clear();
    return;
  }
  status = GANTRY_OK;
  if (source == GANTRY_SOURCE_EVM_CODE_HASH) data = keccak(data);
}

RpcCall call_of(const PoolRequest& request) {
  const std::string target = address_text(request.target);
  switch (request.source) {
    case GANTRY_SOURCE_EVM_STORAGE:
      return {"eth_getStorageAt", {target, hex_text(request.payload)}};
    case GANTRY_SOURCE_EVM_CODE_HASH:
      return {"eth_getCode", {target}};
    default:
      return {"eth_call",
              {boost::json::object{{"to", target}, {"data", hex_text(request.payload)}}}};
  }
}

bool is_of_this_chain(const PoolRequest& request) {
  // A plugin has written it: what is no address of 20 bytes would be copied as longer than it is.
  if (request.target.kind != GANTRY_ADDRESS_EVM || request.target.length != 20) return false;
  switch (request.source) {
    case GANTRY_SOURCE_EVM_CALL:
    case GANTRY_SOURCE_EVM_CODE_HASH:
      return true;
    case GANTRY_SOURCE_EVM_STORAGE:
      return request.payload.size() == word_bytes;
    default:
      return false;
  }
}

}  // namespace

Result<std::vector<RpcAnswer>> Fetcher::send(std::span<const RpcCall> calls) {
  std::vector<RpcAnswer> all;
  // Room for the calls that guard a pin by number.
  constexpr std::size_t calls_max = rpc_calls_max - 8;
  for (std::size_t at = 0; at < calls.size(); at += calls_max) {
    RpcOptions options;
    options.pin = pin_;
    ++round_trips_;
    auto answers =
        ask(providers_, calls.subspan(at, std::min(calls_max, calls.size() - at)), options);
    if (!answers) return answers;
    std::ranges::move(*answers, std::back_inserter(all));
  }
  return all;
}

Status Fetcher::look_for_multicall() {
  if (has_multicall_) return {};
  const RpcCall call{"eth_getCode", {boost::json::string(multicall::address)}};
  const auto answers = send({&call, 1});
  if (!answers) return std::unexpected(answers.error());
  const RpcAnswer& code = answers->front();
  has_multicall_ = code && code->is_string() && code->get_string().size() > 2;
  return {};
}

// One round trip; a second for what could not be done many at a time, or what failed there without
// saying why.
Status Fetcher::fetch(std::span<Job> jobs) {
  struct Group {
    std::size_t begin;  // into `order`
    std::size_t end;
    bool of_hashes;
  };
  std::vector<Job*> order;
  for (Job& job : jobs) order.push_back(&job);
  const auto move_up = [&](std::size_t from, std::int32_t source) {
    const auto rest =
        std::stable_partition(order.begin() + static_cast<std::ptrdiff_t>(from), order.end(),
                              [&](const Job* job) { return job->request->source == source; });
    return static_cast<std::size_t>(rest - order.begin());
  };
  const std::size_t hashes_end = move_up(0, GANTRY_SOURCE_EVM_CODE_HASH);
  const std::size_t calls_end = move_up(hashes_end, GANTRY_SOURCE_EVM_CALL);
  std::vector<RpcCall> calls;
  std::vector<Group> groups;
  std::size_t at = 0;
  while (at < hashes_end) {
    std::vector<gantry_address> targets;
    const std::size_t begin = at;
    while (at < hashes_end && targets.size() < code_hashes::targets_max) {
      targets.push_back(order[at++]->request->target);
    }
    groups.push_back({begin, at, true});
    calls.push_back(
        {"eth_call", {boost::json::object{{"data", hex_text(code_hashes::encode(targets))}}}});
  }
  while (*has_multicall_ && calls_end - hashes_end > 1 && at < calls_end) {
    std::vector<multicall::Call> inner;
    std::size_t bytes = 0;
    const std::size_t begin = at;
    while (at < calls_end && inner.size() < calls_per_multicall &&
           (inner.empty() || bytes < bytes_per_multicall)) {
      const PoolRequest& request = *order[at++]->request;
      inner.push_back({request.target, request.payload});
      bytes += request.payload.size();
    }
    groups.push_back({begin, at, false});
    calls.push_back({"eth_call",
                     {boost::json::object{{"to", multicall::address},
                                          {"data", hex_text(multicall::encode(inner))}}}});
  }
  const std::size_t single = at;
  for (; at < order.size(); ++at) calls.push_back(call_of(*order[at]->request));
  auto answers = send(calls);
  if (!answers) return std::unexpected(answers.error());
  std::vector<Job*> again;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const RpcAnswer& answer = (*answers)[g];
    const auto bytes = answer ? bytes_of(*answer) : std::nullopt;
    const std::span<Job*> group(order.data() + groups[g].begin, groups[g].end - groups[g].begin);
    if (groups[g].of_hashes) {
      take_hashes(bytes, group, again);
    } else {
      take_calls(bytes, group, again);
    }
  }
  for (std::size_t i = single; i < order.size(); ++i) {
    take((*answers)[groups.size() + i - single], order[i]->request->source, order[i]->status,
         order[i]->data);
  }
  if (again.empty()) return {};
  calls.clear();
  for (const Job* job : again) calls.push_back(call_of(*job->request));
  answers = send(calls);
  if (!answers) return std::unexpected(answers.error());
  for (std::size_t i = 0; i < again.size(); ++i) {
    take((*answers)[i], again[i]->request->source, again[i]->status, again[i]->data);
  }
  return {};
}

// A node that runs no creation code is asked for each code.
void Fetcher::take_hashes(const std::optional<recording::Bytes>& bytes, std::span<Job*> jobs,
                          std::vector<Job*>& again) {
  auto each = bytes ? code_hashes::decode(*bytes, jobs.size()) : std::nullopt;
  if (!each) {
    again.insert(again.end(), jobs.begin(), jobs.end());
    return;
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i]->status = GANTRY_OK;
    jobs[i]->data = std::move((*each)[i]);
  }
}

// What fails without a word may have found no gas left by those before it.
void Fetcher::take_calls(const std::optional<recording::Bytes>& bytes, std::span<Job*> jobs,
                         std::vector<Job*>& again) {
  auto each = bytes ? multicall::decode(*bytes, jobs.size()) : std::nullopt;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    Job& job = *jobs[i];
    if (!each || (!(*each)[i].success && (*each)[i].data.empty())) {
      again.push_back(&job);
      continue;
    }
    const bool fits = (*each)[i].data.size() <= recording::fact_bytes_max;
    job.status = (*each)[i].success && fits ? GANTRY_OK : GANTRY_REFUSED;
    if (fits) job.data = std::move((*each)[i].data);
  }
}

Result<std::vector<recording::Fact>> Fetcher::answer(const gantry_context&,
                                                     std::span<const PoolRequest> requests) {
  if (auto looked = look_for_multicall(); !looked) return std::unexpected(looked.error());
  using Key = std::tuple<std::int32_t, std::string, std::string>;
  std::map<Key, std::size_t> known;
  std::vector<Job> jobs;
  std::vector<std::size_t> job_of(requests.size(), SIZE_MAX);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const PoolRequest& request = requests[i];
    if (!is_of_this_chain(request)) continue;
    Key key{request.source, address_text(request.target),
            std::string(request.payload.begin(), request.payload.end())};
    const auto [found, is_new] = known.emplace(std::move(key), jobs.size());
    if (is_new) jobs.push_back({.request = &request});
    job_of[i] = found->second;
  }
  if (!jobs.empty()) {
    if (auto done = fetch(jobs); !done) return std::unexpected(done.error());
  }
  std::vector<recording::Fact> facts;
  facts.reserve(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const PoolRequest& request = requests[i];
    recording::Fact fact;
    fact.pool = request.pool;
    fact.kind = static_cast<recording::FactKind>(request.source);
    fact.tag = request.tag;
    fact.source = request.target;
    fact.status = GANTRY_REFUSED;
    if (job_of[i] != SIZE_MAX) {
      fact.status = jobs[job_of[i]].status;
      fact.data = jobs[job_of[i]].data;
    }
    facts.push_back(std::move(fact));
  }
  return facts;
}

}  // namespace gantry::host
