#include "host/cli/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <variant>

#include "host/recording/reader.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

// Set by a signal on any thread, read by the watcher.
std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void on_interrupt(int) { interrupted.store(true, std::memory_order_relaxed); }

// Once: the second signal has its default effect.
void catch_signal(int signal) {
  struct sigaction action{};
  action.sa_handler = &on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

Progress::Progress(std::vector<WatchedStreet> streets, ProgressOptions options, const Clock& clock)
    : streets_(std::move(streets)), options_(std::move(options)), clock_(clock) {
  interrupted = false;
  catch_signal(SIGINT);
  catch_signal(SIGTERM);
  if (options_.draw && !options_.recording.empty())
    counter_ = std::thread([this] { count_blocks(); });
  watcher_ = std::thread([this] { watch(); });
}

Progress::~Progress() {
  ended_ = true;
  watcher_.join();
  if (counter_.joinable()) counter_.join();
  if (options_.draw) std::fputs("\r\x1b[K", stderr);
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

void Progress::watch() {
  const auto started = clock_.now();
  while (!ended_) {
    if (interrupted.exchange(false)) {
      for (const WatchedStreet& each : streets_) each.street.request_stop();
    }
    if (options_.draw) draw(started);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

void Progress::draw(std::chrono::steady_clock::time_point started) const {
  StreetStatus status;
  std::string blocks;  // of each chain
  for (const WatchedStreet& each : streets_) {
    const StreetStatus one = each.street.status();
    status.snapshots += one.snapshots;
    status.approved += one.approved;
    blocks += fmt::format("{} {}  ", each.name.empty() ? "block" : each.name, one.block);
  }
  const double seconds = std::chrono::duration<double>(clock_.now() - started).count();
  if (seconds < 0.3) return;  // a short run needs none
  std::string line;
  if (const std::uint64_t total = blocks_; total > 0) {
    constexpr std::uint64_t cells = 24;
    const std::uint64_t filled = std::min(cells, status.snapshots * cells / total);
    for (std::uint64_t i = 0; i < cells; ++i) line += i < filled ? "█" : "░";
    line += fmt::format(" {:3}%  ", std::min<std::uint64_t>(100, status.snapshots * 100 / total));
  }
  line += fmt::format(
      "{}{} snapshots  {}/s  {} approved", blocks, grouped(status.snapshots),
      grouped(static_cast<std::uint64_t>(static_cast<double>(status.snapshots) / seconds)),
      grouped(status.approved));
  std::fputs(("\r\x1b[K" + cut_to(line, 79)).c_str(), stderr);
}

void Progress::count_blocks() {
  auto reader = RecordingReader::open(options_.recording);
  if (!reader) return;
  std::uint64_t count = 0;
  while (!ended_) {
    const auto record = reader->next();
    if (!record || !*record) break;  // damage is the run's to report
    if (std::holds_alternative<recording::Block>(**record)) ++count;
  }
  blocks_ = options_.blocks_max == 0 ? count : std::min(count, options_.blocks_max);
}

}  // namespace gantry::host::cli
