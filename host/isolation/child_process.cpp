#include "host/isolation/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include "host/base/descriptor.hpp"
#include "host/isolation/channel.hpp"
#include "host/sandbox/sandbox.hpp"

namespace gantry::host {
namespace isolation {
namespace {

constexpr std::size_t text_bytes_max = 4096;
constexpr std::string_view crash_mark = "!crash ";

std::unexpected<Error> refused(std::string_view what, int code = errno) {
  return fail(ErrorKind::io, fmt::format("a process for a plugin cannot be started: {}: {}", what,
                                         std::strerror(code)));
}

// A pipe whose writing end blocks nobody: what is too much for it is lost.
Result<std::pair<Descriptor, Descriptor>> pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return refused("pipe");
  return std::pair(Descriptor(ends[0]), Descriptor(ends[1]));
}

std::string read_some(int descriptor) {
  std::string text;
  std::array<char, 512> buffer{};
  while (text.size() < text_bytes_max) {
    const auto n = ::read(descriptor, buffer.data(), buffer.size());
    if (n <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return text;
}

std::string first_line(std::string_view text) {
  std::string line(text.substr(0, std::min<std::size_t>(text.find('\n'), 200)));
  std::ranges::replace_if(line, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return line;
}

}  // namespace
}  // namespace isolation

std::string_view to_string(Ending ending) {
  switch (ending) {
    case Ending::signal:
      return "signal";
    case Ending::hang:
      return "hang";
    case Ending::exit:
      return "exit";
    case Ending::forbidden_call:
      return "forbidden_call";
    case Ending::nonsense:
      return "nonsense";
    case Ending::host:
      return "host";
    case Ending::killed:
      return "killed";
  }
  return "unknown";
}

namespace isolation {

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(const std::filesystem::path& program,
                                                          std::span<const int> descriptors) {
  auto report = pipe();
  if (!report) return std::unexpected(report.error());
  auto output = pipe();
  if (!output) return std::unexpected(output.error());
  // Above the numbers that they get in the child: a copy onto one must not undo another.
  const int above = first_library_descriptor + static_cast<int>(descriptors.size()) + 1;
  std::vector<Descriptor> moved;
  const auto move = [&](int descriptor) {
    return moved.emplace_back(::fcntl(descriptor, F_DUPFD_CLOEXEC, above)).get() >= 0;
  };
  bool all = move(report->second.get()) && move(output->second.get());
  for (const int descriptor : descriptors) all = all && move(descriptor);
  if (!all) return refused("descriptors");

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, moved[1].get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, moved[1].get(), STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, moved[0].get(), report_descriptor);
  for (std::size_t i = 2; i < moved.size(); ++i) {
    posix_spawn_file_actions_adddup2(&actions, moved[i].get(),
                                     requests_descriptor + static_cast<int>(i) - 2);
  }
  // Signals that a thread of the host holds back must not be held back there.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t every;
  ::sigemptyset(&none);
  ::sigfillset(&every);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &every);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(
      &attributes,
      static_cast<short>(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  std::array<char*, 3> words{const_cast<char*>("gantry"), const_cast<char*>("__plugin-child"),
                             nullptr};
  std::array<char*, 1> variables{nullptr};
  std::unique_ptr<ChildProcess> child(new ChildProcess());
  const int failure = ::posix_spawn(&child->pid_, program.c_str(), &actions, &attributes,
                                    words.data(), variables.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) {
    child->reaped_ = true;
    return refused(program.string(), failure);
  }
  child->report_ = report->first.release();
  child->output_ = output->first.release();
  return child;
}

ChildProcess::~ChildProcess() {
  kill();
  if (report_ >= 0) ::close(report_);
  if (output_ >= 0) ::close(output_);
}

bool ChildProcess::ended() noexcept {
  if (!reaped_) reaped_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
  return reaped_;
}

void ChildProcess::kill() noexcept {
  if (ended()) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
}

const std::string& ChildProcess::report() {
  report_text_ += read_some(report_);
  return report_text_;
}

std::optional<std::uint32_t> ChildProcess::last_loaded() {
  std::optional<std::uint32_t> last;
  std::string_view rest = report();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (!line.starts_with(loads_mark)) continue;
    const std::string_view digits = line.substr(loads_mark.size());
    std::uint32_t library = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), library);
    last = library;
    // What stands behind this may be the strategy's own.
    if (library == 0) break;
  }
  return last;
}

Fault ChildProcess::explain() {
  const std::string& report = this->report();
  const std::string output = read_some(output_);
  if (const auto call = violation_in(report)) {
    return {Ending::forbidden_call,
            fmt::format("made the system call {}, which is not allowed", *call)};
  }
  if (WIFEXITED(status_)) {
    const int code = WEXITSTATUS(status_);
    if (code == sandbox_exit_code) {
      return {Ending::forbidden_call, "made a system call that is not allowed"};
    }
    return {Ending::exit, fmt::format("ended by itself with code {}{}{}", code,
                                      output.empty() ? "" : ": ", first_line(output))};
  }
  const int signal = WTERMSIG(status_);
  // Around clone() signals are held back, so that nobody could say which.
  if (signal == SIGSYS) {
    return {Ending::forbidden_call,
            "made a system call that is not allowed, as when a thread is started"};
  }
  // The sandbox lets nobody send that from inside: it was the operator, or the kernel that ran out
  // of memory.
  if (signal == SIGKILL) {
    return {Ending::killed, "died of SIGKILL (Killed), which came from outside"};
  }
  std::string text =
      fmt::format("died of SIG{} ({})", ::sigabbrev_np(signal), ::sigdescr_np(signal));
  if (const auto at = report.find(crash_mark); at != std::string::npos) {
    text += ": " + first_line(std::string_view(report).substr(at + crash_mark.size()));
  } else if (!output.empty()) {
    text += ": " + first_line(output);
  }
  return {Ending::signal, std::move(text)};
}

}  // namespace isolation
}  // namespace gantry::host
