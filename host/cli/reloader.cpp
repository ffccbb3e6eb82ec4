#include "host/cli/reloader.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "host/log/log.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace json = boost::json;

constexpr auto watch_every = std::chrono::milliseconds(10);

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

}  // namespace

Reloader::Reloader(Street& street, Read read, const std::vector<std::filesystem::path>& watched)
    : street_(street), read_(std::move(read)) {
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
    if (draining_) tell(street_.drain());
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

json::object Reloader::change(bool dry_run) {
  const auto answer = [](std::string_view state, const std::vector<std::string>& changes,
                         const std::vector<std::string>& reasons, std::uint64_t from) {
    return json::object{{"state", state},
                        {"from_snapshot", from},
                        {"changes", texts(changes)},
                        {"reasons", texts(reasons)}};
  };
  auto wanted = read_();
  if (!wanted) {
    const auto reasons = lines_of(wanted.error());
    if (dry_run) return answer("not possible", {}, reasons, 0);
    for (const auto& reason : reasons) spdlog::error("configuration not changed: {}", reason);
    return answer("rolled back", {}, reasons, 0);
  }
  const ChangePlan plan = street_.plan(*wanted);
  if (dry_run) {
    const bool nothing = plan.changes.empty();
    const std::string_view state = !plan.refused.empty() ? "not possible"
                                   : nothing             ? "nothing to change"
                                                         : "planned";
    return answer(state, lines_of(plan), plan.refused, 0);
  }
  auto done = street_.change(std::make_shared<const Configuration>(std::move(*wanted)));
  if (!done) {
    const auto& reasons =
        plan.refused.empty() ? std::vector<std::string>{done.error().message} : plan.refused;
    for (const auto& reason : reasons) spdlog::error("configuration not changed: {}", reason);
    return answer("rolled back", lines_of(plan), reasons, 0);
  }
  if (done->done.empty()) return answer("nothing to change", {}, {}, 0);
  for (const auto& line : done->done) {
    spdlog::info("configuration changed from snapshot {} on: {}", done->from, line);
  }
  draining_ = true;
  return answer("changed", done->done, {}, done->from);
}

void Reloader::tell(const Drained& drained) {
  for (const auto& path : drained.unmapped) spdlog::info("unloaded, and unmapped: {}", path);
  for (const auto& path : drained.stayed) spdlog::warn("unloaded, and still mapped: {}", path);
  draining_ = drained.waiting > 0;
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
