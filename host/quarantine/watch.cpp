#include "host/quarantine/watch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "host/plugin/call_guard.hpp"
#include "host/quarantine/left_behind.hpp"

namespace gantry::host {

namespace {

struct FatalSignal {
  int number;
  std::string_view name;
};
constexpr std::array fatal_signals{FatalSignal{SIGSEGV, "SIGSEGV"}, FatalSignal{SIGBUS, "SIGBUS"},
                                   FatalSignal{SIGFPE, "SIGFPE"}, FatalSignal{SIGILL, "SIGILL"},
                                   FatalSignal{SIGABRT, "SIGABRT"}};

// What a handler may use: written before the handlers are installed.
std::atomic<int> record_file{-1};
std::atomic_flag told = ATOMIC_FLAG_INIT;
std::array<struct sigaction, fatal_signals.size()> before{};

// Everything below up to `tell` may run in a signal handler: no allocation, no lock.

// A line of bounded length, built without the library.
class Line {
 public:
  Line& operator<<(std::string_view text) {
    const std::size_t size = std::min(text.size(), bytes_.size() - used_);
    std::memcpy(bytes_.data() + used_, text.data(), size);
    used_ += size;
    return *this;
  }
  // Of what a plugin or a path says, which may hold anything.
  Line& word(std::string_view text) {
    for (const char c : text) *this << std::string_view(c < ' ' || c == 0x7f ? "?" : &c, 1);
    return *this;
  }
  Line& decimal(std::uint64_t value) {
    std::array<char, 20> digits{};
    std::size_t at = digits.size();
    do {
      digits[--at] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    return *this << std::string_view(&digits[at], digits.size() - at);
  }
  Line& hexadecimal(std::uint64_t value) {
    *this << "0x";
    for (int shift = 60; shift >= 0; shift -= 4) {
      *this << std::string_view(&"0123456789abcdef"[(value >> static_cast<unsigned>(shift)) & 15U], 1);
    }
    return *this;
  }
  void write_to(int file) const {
    std::size_t done = 0;
    while (done < used_) {
      const ssize_t put = ::write(file, bytes_.data() + done, used_ - done);
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return;
      done += static_cast<std::size_t>(put);
    }
  }

 private:
  std::array<char, 4096> bytes_{};
  std::size_t used_ = 0;
};

struct Fault {
  const Culprit* culprit;
  Phase phase;
  std::string_view signal;      // empty: none
  std::uint64_t address = 0;    // of a signal
  std::int64_t hang_ms = 0;     // 0: it did not hang
};

// Once in a process: the first fault is what brought it down.
void tell(const Fault& fault) {
  if (told.test_and_set()) return;
  const Culprit& culprit = *fault.culprit;
  const std::string_view phase = to_string(fault.phase);
  Line record;
  (record << "sha256 ").word(culprit.sha256);
  (record << "\nplugin ").word(culprit.plugin);
  (record << "\nversion ").word(culprit.version);
  (record << "\nfile ").word(culprit.file);
  (record << "\ninstance ").word(culprit.instance);
  record << "\nphase " << phase;
  Line said;
  (said << "gantry: plugin ").word(culprit.plugin);
  (said << " (").word(culprit.file);
  if (!fault.signal.empty()) {
    (record << "\nsignal " << fault.signal << "\naddress ").hexadecimal(fault.address);
    said << ") brought the host down: " << fault.signal << " in " << phase;
  } else if (fault.hang_ms != 0) {
    (record << "\nhang_ms ").decimal(static_cast<std::uint64_t>(fault.hang_ms));
    said << ") brought the host down: it did not come back from " << phase << " within ";
    said.decimal(static_cast<std::uint64_t>(fault.hang_ms)) << " ms";
  } else {
    said << ") brought the host down: it called exit() in " << phase;
  }
  record << "\n";
  const int file = record_file.load(std::memory_order_relaxed);
  if (file >= 0) {
    record.write_to(file);
    ::fsync(file);
    (said << ". The next start runs without it; see gantry quarantine explain ").word(culprit.plugin);
  }
  said << "\n";
  said.write_to(STDERR_FILENO);
}

void on_fatal_signal(int number, siginfo_t* info, void*) {
  const int error = errno;
  const auto at = static_cast<std::size_t>(
      std::ranges::find(fatal_signals, number, &FatalSignal::number) - fatal_signals.begin());
  const CallSlot* slot = call_slot_if_any();
  const Culprit* culprit = slot != nullptr ? slot->inner.load(std::memory_order_relaxed) : nullptr;
  if (culprit != nullptr) {
    tell({culprit, slot->inner_phase.load(std::memory_order_relaxed), fatal_signals[at].name,
          reinterpret_cast<std::uintptr_t>(info->si_addr), 0});
  }
  // As it would have ended without the watch: the instruction, or the raise below, meets what was
  // there before.
  ::sigaction(number, &before[at], nullptr);
  errno = error;
  if (info->si_code <= 0) ::raise(number);
}

void on_exit() {
  const CallSlot* slot = call_slot_if_any();
  const Culprit* culprit = slot != nullptr ? slot->inner.load(std::memory_order_relaxed) : nullptr;
  if (culprit == nullptr) return;
  tell({culprit, slot->inner_phase.load(std::memory_order_relaxed), {}, 0, 0});
  // Other threads are at work, and what they use is about to be destroyed.
  std::_Exit(1);
}

}  // namespace

class PluginWatch::Watching {
 public:
  Watching(std::filesystem::path file, int descriptor, std::int64_t hang_ms)
      : file_(std::move(file)), descriptor_(descriptor), hang_(hang_ms) {
    record_file.store(descriptor_);
    struct sigaction action{};
    action.sa_sigaction = &on_fatal_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < fatal_signals.size(); ++i) {
      ::sigaction(fatal_signals[i].number, &action, &before[i]);
    }
    static const int registered = std::atexit(&on_exit);
    static_cast<void>(registered);
    if (hang_.count() > 0) thread_ = std::thread([this] { watch(); });
  }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;
  ~Watching() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
    for (std::size_t i = 0; i < fatal_signals.size(); ++i) {
      ::sigaction(fatal_signals[i].number, &before[i], nullptr);
    }
    record_file.store(-1);
    if (descriptor_ < 0) return;
    ::unlink(file_.c_str());
    ::close(descriptor_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  // How one thread stood when it was last seen to move.
  struct Seen {
    std::uint64_t inner_calls = 0;
    std::uint64_t outer_calls = 0;
    Clock::time_point inner_since{};
    Clock::time_point outer_since{};
  };

  void watch() {
    // A quarter of the bound: a hang is noticed after at most 1.25 times as long.
    const auto tick = std::clamp(hang_ / 4, std::chrono::milliseconds(1),
                                 std::chrono::milliseconds(1000));
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, tick, [this] { return stop_; })) {
      const auto now = Clock::now();
      for (std::size_t i = 0; i < call_slots_max; ++i) look(call_slots()[i], seen_[i], now);
    }
  }

  void look(const CallSlot& slot, Seen& seen, Clock::time_point now) const {
    const auto inner_calls = slot.inner_calls.load(std::memory_order_relaxed);
    const auto outer_calls = slot.outer_calls.load(std::memory_order_relaxed);
    if (outer_calls != seen.outer_calls) seen.outer_since = now;
    if (inner_calls != seen.inner_calls) seen.inner_since = now;
    seen.inner_calls = inner_calls;
    seen.outer_calls = outer_calls;
    const Culprit* outer = slot.outer.load(std::memory_order_relaxed);
    const Culprit* inner = slot.inner.load(std::memory_order_relaxed);
    if (outer == nullptr || inner == nullptr || now - seen.outer_since < hang_) return;
    // Stuck in one call: whose it is. Calling for ever: who calls.
    const bool stuck = now - seen.inner_since >= hang_ / 2;
    tell({stuck ? inner : outer,
          (stuck ? slot.inner_phase : slot.outer_phase).load(std::memory_order_relaxed),
          {}, 0, hang_.count()});
    std::_Exit(1);
  }

  std::filesystem::path file_;
  int descriptor_;
  std::chrono::milliseconds hang_;
  std::mutex mutex_;  // guards stop_
  std::condition_variable wake_;
  bool stop_ = false;
  std::vector<Seen> seen_ = std::vector<Seen>(call_slots_max);
  std::thread thread_;
};

Result<std::unique_ptr<PluginWatch>> PluginWatch::start(const WatchOptions& options) {
  int descriptor = -1;
  std::filesystem::path file;
  if (!options.folder.empty()) {
    file = options.folder / fmt::format("{}{}", ::getpid(), left_behind_suffix);
    descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0 || ::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      if (descriptor >= 0) ::close(descriptor);
      return fail(ErrorKind::io,
                  fmt::format("{}: cannot be written: {}", file.string(), std::strerror(error)));
    }
  }
  return std::unique_ptr<PluginWatch>(
      new PluginWatch(std::make_unique<Watching>(file, descriptor, options.hang_ms)));
}

PluginWatch::PluginWatch(std::unique_ptr<Watching> watching) : watching_(std::move(watching)) {}
PluginWatch::~PluginWatch() = default;

}  // namespace gantry::host
