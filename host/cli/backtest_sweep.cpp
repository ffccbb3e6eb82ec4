#include "host/cli/backtest_sweep.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t runs_max = 10'000;

struct SweepRun {
  std::vector<std::string> values;  // of each key
  std::optional<json::object> result;
  std::string trouble;
};

std::string all_of(int descriptor) {
  std::string text;
  char buffer[1U << 16U];
  while (true) {
    const auto got = ::read(descriptor, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

// The last line of what is in a file, without its end: why a program failed.
std::string last_line_of(int descriptor) {
  ::lseek(descriptor, 0, SEEK_SET);
  std::string text = all_of(descriptor);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const std::size_t end = text.rfind('\n');
  return printable(end == std::string::npos ? text : text.substr(end + 1));
}

// What it wrote to its output; nothing, with the reason: it could not be started, or failed.
std::optional<std::string> output_of(const std::filesystem::path& program,
                                     std::vector<std::string> words, std::string& trouble) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    trouble = std::string("no pipe: ") + std::strerror(errno);
    return std::nullopt;
  }
  // What it says beside its answer, which would otherwise be drawn across the sweep's own bar.
  const int said = ::memfd_create("said", MFD_CLOEXEC);
  if (said < 0) {
    trouble = std::string("no memory file: ") + std::strerror(errno);
    ::close(ends[0]);
    ::close(ends[1]);
    return std::nullopt;
  }
  std::vector<char*> arguments{const_cast<char*>(program.c_str())};
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
  pid_t child = 0;
  const int failure =
      ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (failure != 0) {
    ::close(ends[0]);
    ::close(said);
    trouble = std::string("it cannot be started: ") + std::strerror(failure);
    return std::nullopt;
  }
  std::string text = all_of(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const std::string why = last_line_of(said);
  ::close(said);
  const auto code = static_cast<ExitCode>(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  if (code == ExitCode::done || code == ExitCode::found) return text;
  trouble = WIFEXITED(status) ? fmt::format("it ended with {}", WEXITSTATUS(status))
                              : fmt::format("signal {} ended it", WTERMSIG(status));
  if (!why.empty()) trouble += ": " + why;
  return std::nullopt;
}

void run_one(const Session& session, const std::vector<SweptKey>& keys, const SweepOptions& options,
             SweepRun& run) {
  std::vector<std::string> words = options.words;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    words.push_back("--set");
    words.push_back(keys[i].key + "=" + run.values[i]);
  }
  const auto text = output_of(session.program, std::move(words), run.trouble);
  if (!text) return;
  boost::system::error_code failure;
  const json::value value = json::parse(*text, failure);
  if (failure || !value.is_object()) {
    run.trouble = "its answer is no JSON";
    return;
  }
  run.result = value.get_object();
  // What the table does not show, and of many runs would be much.
  for (const char* member : {"trades", "equity"}) run.result->erase(member);
}

std::vector<SweepRun> combinations(const std::vector<SweptKey>& keys) {
  std::vector<SweepRun> runs{SweepRun()};
  for (const SweptKey& key : keys) {
    std::vector<SweepRun> more;
    for (const SweepRun& run : runs) {
      for (const std::string& value : key.values) {
        more.push_back(run);
        more.back().values.push_back(value);
      }
    }
    runs = std::move(more);
  }
  return runs;
}

double net_of(const SweepRun& run) {
  return run.result->at("metrics").at("net_eth").to_number<double>();
}

std::string real_text(const json::value& value, int decimals) {
  return value.is_null() ? "-" : short_number(value.to_number<double>(), decimals);
}

void print_table(const std::vector<SweptKey>& keys, const std::vector<SweepRun>& runs) {
  std::string names;
  for (const SweptKey& key : keys) names += (names.empty() ? "" : ", ") + printable(key.key);
  print(fmt::format("Sweep  {} of {}\n\n  {:>14} {:>14} {:>8} {:>8} {:>8}  {}\n",
                    counted(runs.size(), "run"), names, "net, ETH", "net, USD", "filled",
                    "reverted", "Sharpe", "values"));
  for (const SweepRun& run : runs) {
    std::string values;
    for (const std::string& value : run.values) values += (values.empty() ? "" : ", ") + value;
    if (!run.result) {
      print(fmt::format("  {:>14}  {}: {}\n", "-", printable(values), run.trouble));
      continue;
    }
    const json::value& metrics = run.result->at("metrics");
    print(fmt::format("  {:>14} {:>14} {:>8} {:>8} {:>8}  {}\n",
                      real_text(metrics.at("net_eth"), 6), real_text(metrics.at("net_usd"), 2),
                      metrics.at("filled").to_number<std::uint64_t>(),
                      metrics.at("reverted").to_number<std::uint64_t>(),
                      real_text(metrics.at("sharpe"), 2), printable(values)));
  }
}

}  // namespace

Result<std::vector<SweptKey>> sweep_of(const std::vector<std::string>& texts) {
  std::vector<SweptKey> keys;
  std::size_t runs = 1;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    SweptKey key{text.substr(0, equals), {}};
    std::string_view rest = equals == std::string::npos ? std::string_view()
                                                        : std::string_view(text).substr(equals + 1);
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      key.values.emplace_back(rest.substr(0, comma));
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
    const bool is_cut =
        text.ends_with(',') || std::ranges::find(key.values, "") != key.values.end();
    if (key.key.empty() || key.values.empty() || is_cut) {
      return fail(ErrorKind::usage, fmt::format("--sweep {}: is no KEY=V1,V2,..., as "
                                                "strategies.triangular.min_profit_bps=10,30,50",
                                                printable(text)));
    }
    if (std::ranges::find(keys, key.key, &SweptKey::key) != keys.end()) {
      return fail(ErrorKind::usage,
                  fmt::format("--sweep {}: {} is swept already; name all of its values in one",
                              printable(text), printable(key.key)));
    }
    runs *= key.values.size();
    keys.push_back(std::move(key));
    if (runs > runs_max) {
      return fail(ErrorKind::usage,
                  fmt::format("--sweep: these are {} runs or more, and {} at most are made; leave "
                              "out values",
                              runs, runs_max));
    }
  }
  return keys;
}

ExitCode sweep(const Session& session, const std::vector<SweptKey>& keys,
               const SweepOptions& options) {
  std::vector<SweepRun> runs = combinations(keys);
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t jobs = std::min<std::size_t>(
      runs.size(), options.jobs == 0 ? cores : static_cast<std::size_t>(options.jobs));
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> done{0};
  std::mutex drawing;
  const auto draw = [&] {
    if (!session.terminal_err) return;
    const std::lock_guard lock(drawing);
    constexpr std::size_t cells = 24;
    const std::size_t filled = done * cells / runs.size();
    std::string bar;
    for (std::size_t i = 0; i < cells; ++i) bar += i < filled ? "█" : "░";
    std::fputs(fmt::format("\r\x1b[K{} {} of {} runs", bar, done.load(), runs.size()).c_str(),
               stderr);
  };
  draw();
  {
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i < jobs; ++i) {
      workers.emplace_back([&] {
        for (std::size_t at = next++; at < runs.size(); at = next++) {
          run_one(session, keys, options, runs[at]);
          ++done;
          draw();
        }
      });
    }
  }
  if (session.terminal_err) std::fputs("\r\x1b[K", stderr);
  // Those without a result last; ties in the order of the values.
  std::ranges::stable_sort(runs, [](const SweepRun& a, const SweepRun& b) {
    if (a.result.has_value() != b.result.has_value()) return a.result.has_value();
    return a.result && net_of(a) > net_of(b);
  });
  if (options.as_json) {
    json::array all;
    for (SweepRun& run : runs) {
      json::object row;
      for (std::size_t i = 0; i < keys.size(); ++i) row[printable(keys[i].key)] = run.values[i];
      json::object told{{"values", std::move(row)}};
      if (run.result) {
        told["result"] = std::move(*run.result);
      } else {
        told["trouble"] = run.trouble;
      }
      all.push_back(std::move(told));
    }
    print(json_text(json::object{{"runs", std::move(all)}}));
    return std::ranges::any_of(runs, [](const SweepRun& run) { return !run.trouble.empty(); })
               ? ExitCode::failed
               : ExitCode::done;
  }
  print_table(keys, runs);
  return std::ranges::any_of(runs, [](const SweepRun& run) { return !run.result; })
             ? ExitCode::failed
             : ExitCode::done;
}

}  // namespace gantry::host::cli
