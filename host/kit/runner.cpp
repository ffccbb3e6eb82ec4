// The parent's side: one child for each check, and what its end means.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "host/base/descriptor.hpp"
#include "host/base/sha256.hpp"
#include "host/kit/channel.hpp"
#include "host/kit/check.hpp"
#include "host/kit/recorded.hpp"
#include "host/plugin/elf_file.hpp"
#include "host/sandbox/sandbox.hpp"

namespace gantry::host {
namespace {

using namespace kit;

constexpr std::size_t output_bytes_max = 4096;
constexpr std::size_t report_bytes_max = 1U << 20U;

std::unexpected<Error> system_error(std::string_view what) {
  return fail(ErrorKind::io, fmt::format("the kit cannot {}: {}", what, std::strerror(errno)));
}

// The bytes that were hashed, where nobody can change them.
Result<Descriptor> sealed(const PluginFile& file) {
  const auto elf = ElfFile::open(file.path);
  if (!elf) return std::unexpected(elf.error());
  const auto bytes = elf->bytes();
  if (sha256_of(bytes) != file.sha256) {
    return fail(ErrorKind::io, fmt::format("{}: it changed while it was being checked; check it "
                                           "again",
                                           file.path.string()));
  }
  // Above the numbers that the child gets its descriptors at: a copy onto one must not undo
  // another.
  const int made = ::memfd_create("plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  Descriptor memory(made < 0 ? -1 : ::fcntl(made, F_DUPFD_CLOEXEC, 16));
  if (made >= 0) ::close(made);
  if (memory.get() < 0) return system_error("make a memory file");
  for (std::size_t done = 0; done < bytes.size();) {
    const auto n = ::write(memory.get(), bytes.data() + done, bytes.size() - done);
    if (n <= 0) return system_error("copy the library");
    done += static_cast<std::size_t>(n);
  }
  if (::fcntl(memory.get(), F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return system_error("seal a memory file");
  }
  return memory;
}

struct Ended {
  int status = 0;
  bool out_of_time = false;
  std::string report;
  std::string output;  // of stdout and stderr
  std::string phase;
};

class Runner {
 public:
  Runner(const KitOptions& options, Descriptor library)
      : options_(options), library_(std::move(library)) {}

  Result<CheckResult> run(const Check& check) {
    auto first = run_once(check, 0);
    if (!first || (check.how & runs_twice) == 0) {
      if (!first) return std::unexpected(first.error());
      return first->result;
    }
    if (first->result.status != CheckStatus::passed) return first->result;
    auto second = run_once(check, 1);
    if (!second) return std::unexpected(second.error());
    if (second->result.status == CheckStatus::passed && first->note != second->note) {
      second->result.status = CheckStatus::failed;
      second->result.fault = CheckFault::rule;
      second->result.what =
          "two processes asked it the same questions in the same order and got different answers";
    }
    return second->result;
  }

 private:
  Result<ReadResult> run_once(const Check& check, int variant) {
    auto ended = run_child(check, variant);
    if (!ended) return std::unexpected(ended.error());
    return judge(check, *ended);
  }

  std::vector<std::string> environment_of(const Check& check, int variant) const {
    // The second process gets other bytes in fresh and freed memory, and another stack.
    std::string tunables = variant == 0 ? "glibc.malloc.perturb=85" : "glibc.malloc.perturb=170";
    // Freed memory counts as free at once, or a leak could not be told from a cache that fills.
    tunables += ":glibc.malloc.tcache_count=0";
    std::vector<std::string> variables;
    if ((check.how & checks_heap) != 0) {
      variables.emplace_back("LD_PRELOAD=libc_malloc_debug.so.0");
      tunables += ":glibc.malloc.check=3";
    }
    variables.push_back("GLIBC_TUNABLES=" + tunables);
    if (variant != 0) variables.push_back("KIT_PADDING=" + std::string(3000, 'x'));
    return variables;
  }

  Result<Ended> run_child(const Check& check, int variant) {
    int report[2];
    int output[2];
    if (::pipe2(report, O_CLOEXEC) != 0) return system_error("make a pipe");
    Descriptor report_in(report[0]);
    Descriptor report_out(::fcntl(report[1], F_DUPFD_CLOEXEC, 16));
    ::close(report[1]);
    if (::pipe2(output, O_CLOEXEC) != 0) return system_error("make a pipe");
    Descriptor output_in(output[0]);
    Descriptor output_out(::fcntl(output[1], F_DUPFD_CLOEXEC, 16));
    ::close(output[1]);
    const int made = ::memfd_create("board", MFD_CLOEXEC);
    const Descriptor board(made < 0 ? -1 : ::fcntl(made, F_DUPFD_CLOEXEC, 16));
    if (made >= 0) ::close(made);
    if (board.get() < 0 || ::ftruncate(board.get(), board_bytes) != 0) {
      return system_error("make shared memory");
    }
    void* shared = ::mmap(nullptr, board_bytes, PROT_READ, MAP_SHARED, board.get(), 0);
    if (shared == MAP_FAILED) return system_error("map shared memory");

    auto child = spawn(check, variant, report_out.get(), output_out.get(), board.get());
    report_out.close();
    output_out.close();
    if (!child) {
      ::munmap(shared, board_bytes);
      return std::unexpected(child.error());
    }
    Ended ended;
    listen(*child, report_in.get(), output_in.get(), ended);
    const auto* text = static_cast<const char*>(shared);
    ended.phase.assign(text, ::strnlen(text, board_bytes));
    ::munmap(shared, board_bytes);
    return ended;
  }

  Result<pid_t> spawn(const Check& check, int variant, int report, int output, int board) {
    std::vector<std::string> words{options_.program.string(),
                                   "plugin",
                                   "check-one",
                                   "--check=" + std::string(check.name),
                                   fmt::format("--seed={}", options_.seed),
                                   fmt::format("--cpu={}", options_.cpu_s_max)};
    if (!options_.recording.empty()) {
      words.push_back("--recording=" + std::filesystem::absolute(options_.recording).string());
    }
    std::vector<std::string> variables = environment_of(check, variant);
    const auto pointers = [](std::vector<std::string>& texts) {
      std::vector<char*> all;
      for (std::string& text : texts) all.push_back(text.data());
      all.push_back(nullptr);
      return all;
    };
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&actions, report, report_descriptor);
    posix_spawn_file_actions_adddup2(&actions, library_.get(), library_descriptor);
    posix_spawn_file_actions_adddup2(&actions, board, board_descriptor);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    pid_t child = 0;
    auto argv = pointers(words);
    auto envp = pointers(variables);
    const int failure = ::posix_spawn(&child, options_.program.c_str(), &actions, &attributes,
                                      argv.data(), envp.data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) {
      errno = failure;
      return system_error("start " + options_.program.string());
    }
    return child;
  }

  // Until both pipes are closed or time is up; then the whole group is gone.
  void listen(pid_t child, int report, int output, Ended& ended) const {
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(options_.wall_s_max);
    std::array<pollfd, 2> ends{{{report, POLLIN, 0}, {output, POLLIN, 0}}};
    std::array<char, 4096> buffer{};
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) {
        ended.out_of_time = true;
        break;
      }
      if (::poll(ends.data(), ends.size(), static_cast<int>(left.count())) < 0 && errno != EINTR) {
        break;
      }
      for (pollfd& end : ends) {
        if (end.fd < 0 || end.revents == 0) continue;
        const auto n = ::read(end.fd, buffer.data(), buffer.size());
        if (n <= 0) {
          end.fd = -1;
          continue;
        }
        const bool is_report = &end == ends.data();
        std::string& into = is_report ? ended.report : ended.output;
        const std::size_t room = is_report ? report_bytes_max : output_bytes_max;
        into.append(buffer.data(),
                    std::min(static_cast<std::size_t>(n), room - std::min(room, into.size())));
      }
    }
    ::kill(-child, SIGKILL);
    while (::waitpid(child, &ended.status, 0) < 0 && errno == EINTR) {
    }
  }

  Result<ReadResult> judge(const Check& check, const Ended& ended) const {
    ReadResult read;
    CheckResult& result = read.result;
    const auto failed = [&](CheckFault fault, std::string what) {
      result = {check.name, check.title, CheckStatus::failed, fault, std::move(what), check.why};
      return read;
    };
    if (const auto at = ended.report.find(kit_mark); at != std::string::npos) {
      // Up to the end of its line.
      const std::string_view said = std::string_view(ended.report).substr(at + kit_mark.size());
      return fail(ErrorKind::io, std::string(said.substr(0, said.find('\n'))));
    }
    if (const auto call = violation_in(ended.report)) {
      return failed(CheckFault::system_call,
                    fmt::format("in {} it made the system call {}", ended.phase, *call));
    }
    if (auto whole = read_result(ended.report)) {
      read = std::move(*whole);
      result.name = check.name;
      result.title = check.title;
      result.why = check.why;
      if (result.status != CheckStatus::failed && !ended.output.empty()) {
        return failed(CheckFault::rule,
                      fmt::format("it wrote to the terminal: `{}`; a plugin logs through its host",
                                  first_line(ended.output)));
      }
      return read;
    }
    if (ended.out_of_time) {
      return failed(CheckFault::timeout, fmt::format("in {} it gave no answer for {} seconds",
                                                     ended.phase, options_.wall_s_max));
    }
    if (WIFSIGNALED(ended.status)) return died(check, ended, WTERMSIG(ended.status));
    // The program without a library is the kit's own business.
    if (ended.phase.empty()) {
      return fail(ErrorKind::io, fmt::format("the kit's child ended before it began: {}",
                                             first_line(ended.output)));
    }
    return failed(CheckFault::exit, fmt::format("in {} it ended the process, with code {}",
                                                ended.phase, WEXITSTATUS(ended.status)));
  }

  Result<ReadResult> died(const Check& check, const Ended& ended, int signal) const {
    if (ended.phase.empty()) {
      return fail(ErrorKind::io, fmt::format("the kit's child died of {} before it began: {}",
                                             ::strsignal(signal), first_line(ended.output)));
    }
    ReadResult read;
    read.result = {check.name, check.title, CheckStatus::failed, CheckFault::crash, {}, check.why};
    std::string& what = read.result.what;
    if (signal == SIGXCPU || signal == SIGKILL) {
      read.result.fault = CheckFault::timeout;
      what = fmt::format("in {} it used up {} seconds of processor time", ended.phase,
                         options_.cpu_s_max);
      return read;
    }
    if (signal == SIGSYS) {
      // Signals were held back, so nobody could say which: as the C library does around clone().
      read.result.fault = CheckFault::system_call;
      what = fmt::format(
          "in {} it made a system call that is not allowed, with all signals held "
          "back, as when a thread is started",
          ended.phase);
      return read;
    }
    what = fmt::format("in {} it died of SIG{} ({})", ended.phase, ::sigabbrev_np(signal),
                       ::sigdescr_np(signal));
    if (const auto at = ended.report.find(crash_mark); at != std::string::npos) {
      what = fmt::format("in {} {} ({})", ended.phase,
                         first_line(ended.report.substr(at + crash_mark.size())),
                         fmt::format("SIG{}", ::sigabbrev_np(signal)));
    } else if (!ended.output.empty()) {
      what += ": " + first_line(ended.output);
    }
    return read;
  }

  static std::string first_line(const std::string& text) {
    std::string line = text.substr(0, std::min<std::size_t>(text.find('\n'), 200));
    std::ranges::replace_if(line, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
    return line;
  }

  const KitOptions& options_;
  Descriptor library_;
};

}  // namespace

Result<KitReport> run_kit(const PluginFile& file, const KitOptions& options) {
  KitReport report{file.sha256, options.seed, {}};
  if (!options.only.empty() && find_check(options.only) == nullptr) {
    return fail(ErrorKind::usage, fmt::format("there is no check `{}`", options.only));
  }
  auto library = sealed(file);
  if (!library) return std::unexpected(library.error());
  Runner runner(options, std::move(*library));
  Subject subject;
  subject.file = &file;
  subject.library = std::filesystem::absolute(file.path).string();
  subject.seed = options.seed;
  if (options.in_process && !options.recording.empty()) {
    auto recorded = read_recorded_pools(options.recording);
    if (!recorded) return std::unexpected(recorded.error());
    subject.recorded = std::move(*recorded);
  }
  bool hung = false;
  for (const Check& check : all_checks()) {
    if (!options.only.empty() && options.only != check.name) continue;
    CheckResult result{check.name,       check.title, CheckStatus::skipped,
                       CheckFault::none, {},          check.why};
    if ((check.kinds & kind_bit(file.manifest.kind)) == 0) {
      if (!options.only.empty()) {
        result.what = fmt::format("it is not for a {}", to_string(file.manifest.kind));
        report.checks.push_back(std::move(result));
      }
      continue;
    }
    if ((check.how & runs_code) == 0) {
      result = run_check(check, subject);
    } else if (hung) {
      result.what = "it hung before";
    } else if (options.in_process) {
      if ((check.how & (runs_twice | checks_heap)) != 0 || check.run == &check_constructors) {
        result.what = "it needs a process of its own";
      } else {
        result = run_check(check, subject);
      }
    } else {
      auto ran = runner.run(check);
      if (!ran) return std::unexpected(ran.error());
      result = std::move(*ran);
    }
    hung = hung || result.fault == CheckFault::timeout;
    if (options.progress) options.progress(result);
    report.checks.push_back(std::move(result));
  }
  return report;
}

}  // namespace gantry::host
