#include "host/cli/reloader.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "host/config/chain_part.hpp"
#include "host/log/log.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace json = boost::json;

constexpr auto watch_every = std::chrono::milliseconds(10);
// With several chains: for the block that carries a change. Less than `gantry reload` waits.
constexpr auto next_block_wait = std::chrono::seconds(45);

json::array texts(const std::vector<std::string>& all) {
  json::array out;
  for (const std::string& text : all) out.emplace_back(printable(without_secrets(text)));
  return out;
}

std::vector<std::string> lines_of(const ConfigReport& report) {
  std::vector<std::string> lines;
  for (const Diagnostic& error : report.errors) {
    const std::string place = error.line == 0  // the file as a whole
                                  ? error.file
                                  : fmt::format("{}:{}:{}", error.file, error.line, error.column);
    lines.push_back(fmt::format("{}: {}", place, error.message));
  }
  return lines;
}

std::vector<std::string> lines_of(const ChangePlan& plan) {
  std::vector<std::string> lines;
  for (const InstanceChange& change : plan.changes) lines.push_back(to_string(change));
  return lines;
}

json::object answer_of(std::string_view state, const std::vector<std::string>& changes,
                       const std::vector<std::string>& reasons, std::uint64_t from) {
  return {{"state", state},
          {"from_snapshot", from},
          {"changes", texts(changes)},
          {"reasons", texts(reasons)}};
}

// `chain`: empty: there is only one.
std::string in_chain(const std::string& chain, const std::string& text) {
  return chain.empty() ? text : fmt::format("{}: {}", chain, text);
}

}  // namespace

// A street with what is wanted of it.
struct Reloader::Step {
  const ReloadedStreet* of;
  std::shared_ptr<const Configuration> wanted;
  bool changes = false;
};

Reloader::Reloader(std::vector<ReloadedStreet> streets, Configuration now, Read read,
                   const std::vector<std::filesystem::path>& watched)
    : streets_(std::move(streets)), now_(std::move(now)), read_(std::move(read)) {
  for (const auto& file : watched) {
    // As the run's own folder now, whatever it is later.
    const auto path = std::filesystem::absolute(file);
    folders_missing_[path.parent_path()].insert(path.filename().string());
  }
  if (!folders_missing_.empty()) {
    watch_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch_ < 0) {
      spdlog::warn("the configuration cannot be watched: {}; `gantry reload` has to be asked",
                   std::strerror(errno));
    }
  }
  watch_folders();
  thread_ = std::thread([this] { work(); });
}

Reloader::~Reloader() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  asked_.notify_all();
  thread_.join();
  if (watch_ >= 0) ::close(watch_);
}

// Whether a folder is there now that was not, with one of its files.
bool Reloader::watch_folders() {
  bool changed = false;
  for (auto at = folders_missing_.begin(); watch_ >= 0 && at != folders_missing_.end();) {
    const auto& [folder, files] = *at;
    const int number = ::inotify_add_watch(watch_, folder.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO);
    if (number < 0 && errno == ENOENT) {
      ++at;
      continue;
    }
    if (number < 0) {
      spdlog::warn("{}: cannot be watched: {}; `gantry reload` has to be asked", folder.string(),
                   std::strerror(errno));
    } else {
      folders_watched_[number].insert(files.begin(), files.end());
      changed = changed || std::ranges::any_of(files, [&](const std::string& file) {
                  std::error_code ignored;
                  return std::filesystem::exists(at->first / file, ignored);
                });
    }
    at = folders_missing_.erase(at);
  }
  return changed;
}

// Whether one of the files was written, or moved into its place, since the last call.
bool Reloader::files_changed() {
  bool changed = watch_folders();
  alignas(inotify_event) std::array<char, 4096> events;
  while (watch_ >= 0) {
    const ssize_t size = ::read(watch_, events.data(), events.size());
    if (size <= 0) break;
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(events.data() + at);
      const auto files = folders_watched_.find(event->wd);
      const bool named =
          files != folders_watched_.end() && event->len != 0 && files->second.contains(event->name);
      changed = changed || (event->mask & IN_Q_OVERFLOW) != 0 || named;
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
  return changed;
}

void Reloader::work() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (requests_.empty() && watch_ < 0 && !draining_) asked_.wait(lock);
    if (requests_.empty() && !ending_) asked_.wait_for(lock, watch_every);
    if (ending_) return;
    std::map<std::uint64_t, bool> requests = std::exchange(requests_, {});
    lock.unlock();
    if (files_changed()) reload(0, false);
    for (const auto& [number, dry_run] : requests) reload(number, dry_run);
    if (draining_) drain();
    lock.lock();
  }
}

void Reloader::reload(std::uint64_t number, bool dry_run) {
  const json::object done = change(dry_run);
  const std::lock_guard lock(mutex_);
  if (!dry_run) {
    last_ = std::string(done.at("state").as_string());
    for (const char* part : {"changes", "reasons"}) {
      for (const auto& line : done.at(part).as_array())
        last_ += "; " + std::string(line.as_string());
    }
  }
  if (number == 0) return;
  answers_[number] = json::serialize(done);
  if (answers_.size() > answers_kept) answers_.erase(answers_.begin());
}

// What each street would do. In `refused` is what cannot be done: of the whole configuration once,
// and of a street with its chain's name, where there are several.
std::vector<Reloader::Step> Reloader::plan(const Configuration& wanted,
                                           std::vector<std::string>& lines,
                                           std::vector<std::string>& refused) const {
  const auto of_all = plan_change(now_, wanted).refused;
  const bool all_over =
      std::ranges::all_of(streets_, [](const auto& each) { return each.street.is_over(); });
  std::vector<Step> steps;
  for (const ReloadedStreet& each : streets_) {
    if (each.street.is_over() && !all_over) continue;
    const LogChain named(each.name);
    auto part = std::make_shared<const Configuration>(
        each.chain.empty() ? wanted : chain_part(wanted, each.chain));
    const ChangePlan plan = each.street.plan(*part);
    for (const std::string& line : lines_of(plan)) lines.push_back(in_chain(each.name, line));
    for (const std::string& reason : plan.refused) {
      const bool everybodys = std::ranges::find(of_all, reason) != of_all.end();
      const std::string told = everybodys ? reason : in_chain(each.name, reason);
      if (std::ranges::find(refused, told) == refused.end()) refused.push_back(told);
    }
    steps.push_back({&each, std::move(part)});
  }
  for (const std::string& reason : of_all) {
    if (std::ranges::find(refused, reason) == refused.end()) refused.push_back(reason);
  }
  return steps;
}

// The reason why it cannot be; then nothing is left of it.
std::optional<std::string> Reloader::prepare_all(std::vector<Step>& steps) {
  for (Step& step : steps) {
    const LogChain named(step.of->name);
    const auto done = step.of->street.prepare(step.wanted);
    if (done) {
      step.changes = !done->empty();
      continue;
    }
    // It ended meanwhile, and the others go on.
    if (step.of->street.is_over() && steps.size() > 1) continue;
    for (const Step& other : steps) other.of->street.discard();
    return in_chain(step.of->name, done.error().message);
  }
  return std::nullopt;
}

// All are told before any is waited for: a chain that stands still holds up none of the others.
json::object Reloader::commit_all(std::vector<Step>& steps) {
  std::erase_if(steps, [](const Step& step) { return !step.changes; });
  for (const Step& step : steps) step.of->street.commit();
  const auto until = streets_.size() == 1 ? std::chrono::steady_clock::time_point::max()
                                          : std::chrono::steady_clock::now() + next_block_wait;
  std::vector<std::string> lines;
  std::uint64_t from = 0;
  std::optional<std::string> over;
  for (const Step& step : steps) {
    const ReloadedStreet& each = *step.of;
    const LogChain named(each.name);
    const auto carried = each.street.carried(until);
    if (!carried) {
      over = carried.error().message;
      continue;
    }
    draining_ = true;
    if (!*carried) {
      lines.push_back(in_chain(each.name, "with its next block"));
      spdlog::info("configuration changed from the next block on");
      continue;
    }
    for (const std::string& line : (*carried)->done) {
      spdlog::info("configuration changed from snapshot {} on: {}", (*carried)->from, line);
      lines.push_back(each.name.empty() ? line
                                        : fmt::format("{} from snapshot {} on: {}", each.name,
                                                      (*carried)->from, line));
    }
    if (streets_.size() == 1) from = (*carried)->from;
  }
  if (lines.empty() && over) return answer_of("rolled back", {}, {*over}, 0);
  return answer_of(lines.empty() ? "nothing to change" : "changed", lines, {}, from);
}

json::object Reloader::change(bool dry_run) {
  const auto rolled_back = [](const std::vector<std::string>& lines,
                              const std::vector<std::string>& reasons) {
    for (const auto& reason : reasons) spdlog::error("configuration not changed: {}", reason);
    return answer_of("rolled back", lines, reasons, 0);
  };
  auto wanted = read_();
  if (!wanted) {
    const auto reasons = lines_of(wanted.error());
    return dry_run ? answer_of("not possible", {}, reasons, 0) : rolled_back({}, reasons);
  }
  std::vector<std::string> lines;
  std::vector<std::string> refused;
  std::vector<Step> steps = plan(*wanted, lines, refused);
  if (dry_run) {
    const std::string_view state = !refused.empty() ? "not possible"
                                   : lines.empty()  ? "nothing to change"
                                                    : "planned";
    return answer_of(state, lines, refused, 0);
  }
  if (!refused.empty()) return rolled_back(lines, refused);
  if (const auto reason = prepare_all(steps)) return rolled_back(lines, {*reason});
  json::object done = commit_all(steps);
  now_ = std::move(*wanted);
  return done;
}

void Reloader::drain() {
  draining_ = false;
  for (const ReloadedStreet& each : streets_) {
    const LogChain named(each.name);
    const Drained drained = each.street.drain();
    for (const auto& path : drained.unmapped) spdlog::info("unloaded, and unmapped: {}", path);
    for (const auto& path : drained.stayed) spdlog::warn("unloaded, and still mapped: {}", path);
    draining_ = draining_ || drained.waiting > 0;
  }
}

std::string Reloader::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

std::string Reloader::answer(std::string_view request) {
  constexpr std::string_view outcome = "reloaded ";
  const std::lock_guard lock(mutex_);
  if (request == "reload" || request == "reload dry-run") {
    requests_[++numbers_] = request != "reload";
    asked_.notify_all();
    return json::serialize(json::object{{"number", numbers_}});
  }
  if (!request.starts_with(outcome)) return R"({"error":"unknown request"})";
  std::uint64_t number = 0;
  const std::string_view digits = request.substr(outcome.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const auto found = answers_.find(number);
  return found == answers_.end() ? R"({"state":"working"})" : found->second;
}

}  // namespace gantry::host::cli
