#include "host/quarantine/watch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>
#include <string>
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
                                   FatalSignal{SIGFPE, "SIGFPE"},   FatalSignal{SIGILL, "SIGILL"},
                                   FatalSignal{SIGABRT, "SIGABRT"}, FatalSignal{SIGTRAP, "SIGTRAP"},
                                   FatalSignal{SIGSYS, "SIGSYS"}};

// What a handler may use: written before the handlers are installed.
std::atomic<int> record_file{-1};
std::atomic<const std::string*> running{nullptr};
std::atomic_flag told = ATOMIC_FLAG_INIT;
std::atomic<bool> told_all{false};
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
      *this << std::string_view(&"0123456789abcdef"[(value >> static_cast<unsigned>(shift)) & 15U],
                                1);
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
  std::string_view signal;    // empty: none
  std::uint64_t address = 0;  // of a signal
  std::uint64_t instruction = 0;
  std::int64_t hang_ms = 0;  // 0: it did not hang
};

// Until another thread has told what it found: who returns from a handler ends the process.
void wait_for_teller() {
  const timespec pause{0, 10'000'000};
  for (int i = 0; i < 200 && !told_all.load(); ++i) ::nanosleep(&pause, nullptr);
}

// Once in a process: the first fault is what brought it down.
void tell(const Fault& fault) {
  if (told.test_and_set()) return wait_for_teller();
  const Culprit& culprit = *fault.culprit;
  const std::string_view phase = to_string(fault.phase);
  Line record;
  (record << "sha256 ").word(culprit.sha256);
  (record << "\nplugin ").word(culprit.plugin);
  (record << "\nversion ").word(culprit.version);
  (record << "\nfile ").word(culprit.file);
  (record << "\ninstance ").word(culprit.instance);
  record << "\nphase " << phase;
  if (const std::string* what = running.load(std::memory_order_relaxed)) {
    (record << "\nrunning ").word(*what);
  }
  Line said;
  (said << "gantry: plugin ").word(culprit.plugin);
  (said << " ").word(culprit.version);
  (said << " (").word(culprit.file);
  (said << ", sha256 ").word(culprit.sha256);
  if (!fault.signal.empty()) {
    (record << "\nsignal " << fault.signal << "\naddress ").hexadecimal(fault.address);
    (record << "\ninstruction ").hexadecimal(fault.instruction);
    if (culprit.begin <= fault.instruction && fault.instruction < culprit.end) {
      (record << "\noffset ").hexadecimal(fault.instruction - culprit.begin);
    }
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
    (said << ". The next start runs without it; see gantry quarantine explain ")
        .word(culprit.plugin);
  }
  said << "\n";
  said.write_to(STDERR_FILENO);
  told_all.store(true);
}

std::uint64_t instruction_of([[maybe_unused]] const void* context) {
#if defined(__x86_64__)
  return static_cast<std::uint64_t>(
      static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return static_cast<const ucontext_t*>(context)->uc_mcontext.pc;
#else
  return 0;
#endif
}

void on_fatal_signal(int number, siginfo_t* info, void* context) {
  const int error = errno;
  const auto at = static_cast<std::size_t>(
      std::ranges::find(fatal_signals, number, &FatalSignal::number) - fatal_signals.begin());
  const CallSlot* slot = own_call_slot;
  const Culprit* culprit = slot != nullptr ? slot->inner.load(std::memory_order_relaxed) : nullptr;
  const bool sent = info->si_code <= 0 && info->si_pid != ::getpid();
  if (culprit != nullptr && !sent) {
    tell({culprit, slot->inner_phase.load(std::memory_order_relaxed), fatal_signals[at].name,
          info->si_code > 0 ? reinterpret_cast<std::uintptr_t>(info->si_addr) : 0,
          instruction_of(context), 0});
  } else if (told.test()) {
    wait_for_teller();
  }
  // As it would have ended without the watch: the instruction, or the raise below, meets what was
  // there before.
  ::sigaction(number, &before[at], nullptr);
  errno = error;
  if (info->si_code <= 0) ::raise(number);
}

void on_exit() {
  const CallSlot* slot = own_call_slot;
  const Culprit* culprit = slot != nullptr ? slot->inner.load(std::memory_order_relaxed) : nullptr;
  if (culprit == nullptr) return;
  tell({culprit, slot->inner_phase.load(std::memory_order_relaxed), {}, 0, 0, 0});
  // Other threads are at work, and what they use is about to be destroyed.
  std::_Exit(1);
}

}  // namespace

class PluginWatch::Watching {
 public:
  Watching(std::filesystem::path file, int descriptor, const WatchOptions& options)
      : file_(std::move(file)),
        descriptor_(descriptor),
        running_(options.running),
        hang_(options.hang_ms) {
    record_file.store(descriptor_);
    if (!running_.empty()) running.store(&running_);
    struct sigaction action{};
    action.sa_sigaction = &on_fatal_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < fatal_signals.size(); ++i) {
      ::sigaction(fatal_signals[i].number, &action, &before[i]);
    }
    static const int registered = std::atexit(&on_exit) + std::at_quick_exit(&on_exit);
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
    running.store(nullptr);
    if (descriptor_ < 0) return;
    ::unlink(file_.c_str());
    ::close(descriptor_);
  }

 private:
  // How one thread stood, and for how many looks. Looks are counted, not time: while the whole
  // process is stopped, by a debugger or with the machine, nobody hangs.
  struct Seen {
    std::uint64_t inner_calls = 0;
    std::uint64_t outer_calls = 0;
    std::int64_t inner_looks = 0;
    std::int64_t outer_looks = 0;
  };

  void watch() {
    // A quarter of the bound: a hang is noticed after at most 1.25 times as long.
    const auto tick =
        std::clamp(hang_ / 4, std::chrono::milliseconds(1), std::chrono::milliseconds(1000));
    const std::int64_t looks_max = (hang_ + tick - std::chrono::milliseconds(1)) / tick;
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, tick, [this] { return stop_; })) {
      for (std::size_t i = 0; i < call_slots_max; ++i) look(call_slots()[i], seen_[i], looks_max);
    }
  }

  void look(const CallSlot& slot, Seen& seen, std::int64_t looks_max) const {
    const Culprit* outer = slot.outer.load(std::memory_order_relaxed);
    const Culprit* inner = slot.inner.load(std::memory_order_relaxed);
    const auto inner_calls = slot.inner_calls.load(std::memory_order_relaxed);
    const auto outer_calls = slot.outer_calls.load(std::memory_order_relaxed);
    const bool idle = outer == nullptr || inner == nullptr;
    const bool same = !idle && outer_calls == seen.outer_calls;
    seen.outer_looks = same ? seen.outer_looks + 1 : 0;
    seen.inner_looks = same && inner_calls == seen.inner_calls ? seen.inner_looks + 1 : 0;
    seen.inner_calls = inner_calls;
    seen.outer_calls = outer_calls;
    if (seen.outer_looks < looks_max) return;
    // Stuck in one call: whose it is. Calling for ever: who calls.
    const bool stuck = seen.inner_looks >= looks_max / 2;
    tell({stuck ? inner : outer,
          (stuck ? slot.inner_phase : slot.outer_phase).load(std::memory_order_relaxed),
          {},
          0,
          0,
          hang_.count()});
    std::_Exit(1);
  }

  std::filesystem::path file_;
  int descriptor_;
  std::string running_;
  std::chrono::milliseconds hang_;
  std::mutex mutex_;  // guards stop_
  std::condition_variable wake_;
  bool stop_ = false;
  std::vector<Seen> seen_ = std::vector<Seen>(call_slots_max);
  std::thread thread_;
};

namespace {

// A file of this process's own, locked: while the lock is held, nobody takes the host for dead.
int make_record(const std::filesystem::path& folder, std::string& name) {
  // Another host that starts may take the file away before it is locked.
  for (int attempt = 0; attempt < 100; ++attempt) {
    name = (folder / "XXXXXX").string() + std::string(left_behind_suffix);
    const int descriptor =
        ::mkostemps(name.data(), static_cast<int>(left_behind_suffix.size()), O_CLOEXEC);
    if (descriptor < 0) return -1;
    struct stat facts{};
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0 && ::fstat(descriptor, &facts) == 0 &&
        facts.st_nlink == 1) {
      return descriptor;
    }
    const int error = errno;
    ::close(descriptor);
    errno = error;
  }
  return -1;
}

}  // namespace

Result<std::unique_ptr<PluginWatch>> PluginWatch::start(const WatchOptions& options) {
  int descriptor = -1;
  std::string file;
  if (!options.folder.empty()) {
    descriptor = make_record(options.folder, file);
    if (descriptor < 0) {
      return fail(ErrorKind::io, fmt::format("{}: cannot be written to: {}",
                                             options.folder.string(), std::strerror(errno)));
    }
  }
  return std::unique_ptr<PluginWatch>(
      new PluginWatch(std::make_unique<Watching>(file, descriptor, options)));
}

PluginWatch::PluginWatch(std::unique_ptr<Watching> watching) : watching_(std::move(watching)) {}
PluginWatch::~PluginWatch() = default;

}  // namespace gantry::host
