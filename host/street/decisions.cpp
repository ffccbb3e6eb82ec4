#include "host/street/decisions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <set>
#include <sstream>

#include "host/recording/reader.hpp"

namespace gantry::host {

using recording::Bytes;
using recording::Decision;
using recording::DecisionKind;

namespace {

constexpr std::size_t word = sizeof(std::uint64_t);
// See LAYOUT.
constexpr std::uint8_t backruns_mark = 1;

Bytes bytes_of(std::initializer_list<std::uint64_t> values) {
  Bytes bytes;
  for (const std::uint64_t value : values) {
    for (std::size_t i = 0; i < word; ++i) {
      bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
  }
  return bytes;
}

std::uint64_t number_at(const Bytes& bytes, std::size_t index) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < word; ++i) {
    value |= std::uint64_t{bytes[index * word + i]} << (8 * i);
  }
  return value;
}

template <class Instances>
void list(std::string& text, const char* kind, const Instances& instances) {
  for (const auto& instance : instances) {
    text += fmt::format("{} {} {}\n", kind, instance->name(), instance->file().sha256);
  }
}

template <class Instances>
bool runs(const Instances& instances, std::string_view name) {
  return std::ranges::any_of(instances, [&](const auto& i) { return i->name() == name; });
}

// Whether what a run finds may depend on this key of the configuration.
bool decides(std::string_view path, const Plugins& plugins) {
  // A plugin gives the same answers wherever it runs.
  if (path.ends_with(".isolation") || path.ends_with(".call_timeout_ms")) return false;
  // Where breakers are kept, and when somebody looks at the clock: what follows is recorded.
  if (path == "risk.state" || path == "risk.stale_s") return false;
  const std::size_t dot = path.find('.');
  const std::string_view table = path.substr(0, dot);
  const std::string_view rest = dot == path.npos ? std::string_view() : path.substr(dot + 1);
  const std::string_view name = rest.substr(0, rest.find('.'));
  if (table == "dex") return runs(plugins.venues, name);
  if (table == "strategies" || table == "strategy_priorities") {
    return runs(plugins.strategies, name);
  }
  if (table == "paymaster") return runs(plugins.paymasters, name);
  if (table == "chain") {
    return path.find(".provider") == path.npos && !path.ends_with(".enabled");
  }
  // Who signs is nothing that a trade is decided by.
  if (table == "wallet") return rest == "sender" || rest == "entry_point";
  return table == "risk" || path == "plugins.strikes_max" || path == "street.snapshots_in_flight" ||
         path == "street.opportunities_per_snapshot";
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::ranges::sort(lines);
  return lines;
}

// What one has and the other has not. An error is one line.
std::string differences(const std::string& recorded, const std::string& now) {
  constexpr std::size_t lines_max = 12;
  std::vector<std::string> all;
  const auto before = lines_of(recorded);
  const auto after = lines_of(now);
  const auto add = [&](const char* label, const auto& from, const auto& without) {
    for (const std::string& line : from) {
      if (!std::ranges::binary_search(without, line)) all.push_back(label + line);
    }
  };
  add("; recorded: ", before, after);
  add("; now: ", after, before);
  std::string text;
  for (std::size_t i = 0; i < std::min(all.size(), lines_max); ++i) text += all[i];
  if (all.size() > lines_max) text += fmt::format("; and {} more", all.size() - lines_max);
  return text;
}

}  // namespace

std::string plugin_set_of(const Configuration& configuration, const Plugins& plugins) {
  std::string text;
  list(text, "dex", plugins.venues);
  list(text, "strategy", plugins.strategies);
  list(text, "paymaster", plugins.paymasters);
  for (const EffectiveKey& key : configuration.keys) {
    if (decides(key.path, plugins)) text += fmt::format("setting {} = {}\n", key.path, key.value);
  }
  return text;
}

bool same_plugins(const std::string& recorded, const std::string& now) {
  return lines_of(recorded) == lines_of(now);
}

std::string other_plugins(const std::string& recorded, const std::string& now) {
  return "it was recorded with other plugins or settings, so its decisions cannot be obeyed; "
         "restore those, or replay with --ignore-decisions" +
         differences(recorded, now);
}

Result<std::optional<DecisionPlan>> DecisionPlan::read(const std::filesystem::path& path,
                                                       const Configuration& configuration,
                                                       const Plugins& plugins) {
  auto reader = RecordingReader::open(path);
  if (!reader) return std::unexpected(reader.error());
  DecisionPlan plan;
  const std::string plugin_set = plugin_set_of(configuration, plugins);
  plan.begin_period(1, plugin_set);
  std::uint64_t count = 0;
  while (true) {
    auto record = reader->next();
    // Damage is told by the feed, which replays what is whole before it.
    if (!record || !*record) break;
    const auto* decision = std::get_if<Decision>(&**record);
    if (decision == nullptr) continue;
    if (++count > decisions_max) {
      return fail(ErrorKind::limit,
                  fmt::format("{}: more than {} decisions", path.string(), decisions_max));
    }
    if (auto taken = plan.take(*decision, plugin_set); !taken) {
      return fail(taken.error().kind, fmt::format("{}: {}", path.string(), taken.error().message));
    }
  }
  if (count == 0) return std::optional<DecisionPlan>();
  std::ranges::stable_sort(plan.places_, {}, &BatchPlace::group);
  if (auto sound = plan.check(); !sound) {
    return fail(sound.error().kind, fmt::format("{}: {}", path.string(), sound.error().message));
  }
  return std::optional(std::move(plan));
}

Status DecisionPlan::check() {
  const auto never = [](const BatchPlace& place, std::string_view why) {
    return fail(ErrorKind::format,
                fmt::format("its decisions cannot be obeyed: strategy {} at snapshot {} {}; replay "
                            "with --ignore-decisions",
                            place.strategy, place.snapshot, why));
  };
  std::set<std::pair<std::uint32_t, std::uint64_t>> seen;
  std::vector<std::uint64_t> last(strategies_.size());
  std::uint64_t groups = 0;  // before the place's own
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const BatchPlace& place = places_[i];
    if (i > 0 && place.group != places_[i - 1].group) ++groups;
    if (!runs(place)) return never(place, "does not run then");
    if (place.snapshot <= last[place.strategy]) return never(place, "comes after a later one");
    last[place.strategy] = place.snapshot;
    seen.emplace(place.strategy, place.snapshot);
    const auto results_seen = delivered(place.strategy, place.snapshot);
    if (!results_seen) return never(place, "has a batch, and was given nothing");
    if (*results_seen > groups) return never(place, "waits for outcomes that come after it");
  }
  // Where a recording was cut, the last delivery may stand without its batch.
  for (std::uint32_t i = 0; i < strategies_.size(); ++i) {
    std::erase_if(strategies_[i].delivered,
                  [&](const auto& delivery) { return !seen.contains({i, delivery.first}); });
  }
  std::optional<std::uint64_t> oldest;  // of this place and those behind it
  for (const BatchPlace& place : places_ | std::views::reverse) {
    if (oldest && place.snapshot >= *oldest + under_way_max) {
      return never(place, "is decided before one too long before it");
    }
    oldest = oldest ? std::min(*oldest, place.snapshot) : place.snapshot;
  }
  return {};
}

Status DecisionPlan::take(const Decision& decision, const std::string& plugin_set) {
  if (decision.kind == DecisionKind::plugin_set) {
    if (decision.snapshot != 0) return take_change(decision);
    const std::string recorded(decision.payload.begin(), decision.payload.end());
    if (recorded == plugin_set) return {};
    return fail(ErrorKind::configuration, other_plugins(recorded, plugin_set));
  }
  if (decision.kind == DecisionKind::risk) return take_risk(decision);
  if (decision.kind == DecisionKind::fill) return take_fill(decision);
  if (decision.strategy >= strategies_.size()) {
    return fail(ErrorKind::format, fmt::format("a decision names strategy {} of {}",
                                               decision.strategy, strategies_.size()));
  }
  PerStrategy& strategy = strategies_[decision.strategy];
  switch (decision.kind) {
    case DecisionKind::delivered:
      if (decision.payload.size() != word) {
        return fail(ErrorKind::format, "a delivery without its outcomes");
      }
      strategy.delivered[decision.snapshot] = number_at(decision.payload, 0);
      return {};
    case DecisionKind::batch:
      if (decision.payload.size() != 2 * word) {
        return fail(ErrorKind::format, "a batch without its group and head");
      }
      places_.push_back({number_at(decision.payload, 0), decision.strategy, decision.snapshot,
                         number_at(decision.payload, 1)});
      return {};
    case DecisionKind::verdict:
      strategy.late[decision.snapshot] = true;
      return {};
    default:
      return {};
  }
}

Status DecisionPlan::take_change(const Decision& decision) {
  const Bytes& bytes = decision.payload;
  const std::size_t text = 2 * word;
  if (bytes.size() < text || number_at(bytes, 1) > bytes.size() - text) {
    return fail(ErrorKind::format, "a change of the plugin set that is cut");
  }
  const auto set_end = static_cast<std::ptrdiff_t>(text + number_at(bytes, 1));
  const auto set_begin = static_cast<std::ptrdiff_t>(text);
  RecordedChange change{decision.snapshot,
                        number_at(bytes, 0),
                        {bytes.begin() + set_begin, bytes.begin() + set_end},
                        {bytes.begin() + set_end, bytes.end()}};
  const std::uint64_t after = changes_.empty() ? 1 : changes_.back().from;
  if (change.prepared_on < after || change.from <= change.prepared_on) {
    return fail(ErrorKind::format, "a change of the plugin set out of its order");
  }
  begin_period(change.from, change.plugin_set);
  changes_.push_back(std::move(change));
  return {};
}

Status DecisionPlan::take_risk(const Decision& decision) {
  const Bytes& bytes = decision.payload;
  if (bytes.size() < word) return fail(ErrorKind::format, "a change of the risk book that is cut");
  auto fact = parse_risk_fact(std::string(bytes.begin() + word, bytes.end()));
  if (!fact) return std::unexpected(fact.error());
  risk_[number_at(bytes, 0)].push_back(std::move(*fact));
  return {};
}

Status DecisionPlan::take_fill(const Decision& decision) {
  const Bytes& bytes = decision.payload;
  const bool says_backruns = bytes.size() == 1 && bytes[0] == backruns_mark;
  if (says_backruns && decision.snapshot != 0) {
    return fail(ErrorKind::format, "what a run can send is not said at its beginning");
  }
  if (carries_ == Carries::nothing) carries_ = Carries::trades;
  if (says_backruns) carries_ = Carries::backruns;
  if (bytes.empty() || says_backruns) return {};
  if (bytes.size() < word) return fail(ErrorKind::format, "a trade's result that is cut");
  auto fill = parse_fill(std::string(bytes.begin() + word, bytes.end()));
  if (!fill) return std::unexpected(fill.error());
  fills_[number_at(bytes, 0)].push_back(std::move(*fill));
  return {};
}

std::span<const Fill> DecisionPlan::fills(std::uint64_t group) const {
  const auto found = fills_.find(group);
  return found == fills_.end() ? std::span<const Fill>() : std::span(found->second);
}

std::span<const RiskFact> DecisionPlan::risk_facts(std::uint64_t group) const {
  const auto found = risk_.find(group);
  return found == risk_.end() ? std::span<const RiskFact>() : std::span(found->second);
}

// Reads which strategies run; each gets its number as it did in the run.
void DecisionPlan::begin_period(std::uint64_t from, const std::string& plugin_set) {
  Period period{from, {}};
  constexpr std::string_view kind = "strategy ";
  std::istringstream in(plugin_set);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(kind)) continue;
    const std::string name = line.substr(kind.size(), line.find(' ', kind.size()) - kind.size());
    const auto at = std::ranges::find(lanes_, name);
    period.lanes.insert(static_cast<std::uint32_t>(at - lanes_.begin()));
    if (at == lanes_.end()) lanes_.push_back(name);
  }
  strategies_.resize(lanes_.size());
  periods_.push_back(std::move(period));
}

bool DecisionPlan::runs(const BatchPlace& place) const {
  const auto after = std::ranges::upper_bound(periods_, place.snapshot, {}, &Period::from);
  return after != periods_.begin() && std::prev(after)->lanes.contains(place.strategy);
}

std::optional<std::uint64_t> DecisionPlan::delivered(std::uint32_t strategy,
                                                     std::uint64_t snapshot) const {
  const auto& all = strategies_[strategy].delivered;
  const auto found = all.find(snapshot);
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

bool DecisionPlan::late(std::uint32_t strategy, std::uint64_t snapshot) const {
  return strategies_[strategy].late.contains(snapshot);
}

Result<std::unique_ptr<Recorder>> Recorder::create(const std::filesystem::path& path,
                                                   const recording::Header& header,
                                                   const Configuration& configuration,
                                                   const Plugins& plugins,
                                                   std::uint64_t unflushed_blocks,
                                                   Carries carries) {
  auto writer = RecordingWriter::create(path);
  if (!writer) return std::unexpected(writer.error());
  std::unique_ptr<Recorder> recorder(new Recorder(std::move(*writer), unflushed_blocks));
  const std::lock_guard lock(recorder->mutex_);
  recorder->append(header);
  const std::string set = plugin_set_of(configuration, plugins);
  recorder->append(Decision{DecisionKind::plugin_set, 0, 0, Bytes(set.begin(), set.end())});
  if (carries != Carries::nothing) {
    const bool backruns = carries == Carries::backruns;
    recorder->append(Decision{DecisionKind::fill, 0, 0, backruns ? Bytes{backruns_mark} : Bytes()});
  }
  return recorder;
}

void Recorder::append(const recording::Record& record) {
  if (failure_) return;
  if (auto done = writer_.append(record); !done) failure_ = done.error();
}

void Recorder::input(const BlockInput& block) {
  const std::lock_guard lock(mutex_);
  for (const auto& token : block.tokens) append(token);
  for (const auto& pool : block.pools) append(pool);
  for (const auto& event : block.events) append(encode(event));
  append(block.block);
  for (const auto& fact : block.facts) append(fact);
  if (++unflushed_ < unflushed_max_ || failure_) return;
  unflushed_ = 0;
  if (auto done = writer_.flush(); !done) failure_ = done.error();
}

void Recorder::decide(const Group& group) {
  const std::lock_guard lock(mutex_);
  const auto append_told = [&](DecisionKind kind, const std::string& text) {
    Bytes payload = bytes_of({group.number});
    payload.insert(payload.end(), text.begin(), text.end());
    append(Decision{kind, 0, group.snapshot->id, std::move(payload)});
  };
  for (const RiskFact& fact : group.risk_facts) append_told(DecisionKind::risk, to_text(fact));
  for (const Fill& fill : group.fills) append_told(DecisionKind::fill, to_text(fill));
  for (const BatchPtr& batch : group.batches) {
    append(Decision{DecisionKind::delivered, batch->strategy, batch->snapshot->id,
                    bytes_of({batch->results_seen})});
    if (batch->late) {
      append(Decision{DecisionKind::verdict, batch->strategy, batch->snapshot->id, {}});
    }
    append(Decision{DecisionKind::batch, batch->strategy, batch->snapshot->id,
                    bytes_of({group.number, group.head_block})});
  }
}

void Recorder::skipped(std::uint32_t strategy, std::uint64_t snapshot) {
  const std::lock_guard lock(mutex_);
  append(Decision{DecisionKind::skipped, strategy, snapshot, {}});
}

void Recorder::change(const RecordedChange& change) {
  Bytes payload = bytes_of({change.prepared_on, change.plugin_set.size()});
  payload.insert(payload.end(), change.plugin_set.begin(), change.plugin_set.end());
  payload.insert(payload.end(), change.instances.begin(), change.instances.end());
  const std::lock_guard lock(mutex_);
  append(Decision{DecisionKind::plugin_set, 0, change.from, std::move(payload)});
}

Status Recorder::finish() {
  const std::lock_guard lock(mutex_);
  if (failure_) return std::unexpected(*failure_);
  auto end = writer_.finish();
  if (!end) return std::unexpected(end.error());
  return {};
}

}  // namespace gantry::host
