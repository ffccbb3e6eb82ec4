// gantry status, gantry stop: ask the host that runs.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>
#include <thread>

#include "host/api/control.hpp"
#include "host/cli/command.hpp"
#include "host/cli/risk_keeper.hpp"
#include "host/config/control_settings.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace json = boost::json;

struct Options {
  bool as_json = false;
  std::string socket;
};

// The socket given, or else that of gantry.toml. What else is wrong in the files, which may be why
// somebody asks, keeps nobody from reaching a host that runs.
std::expected<std::filesystem::path, ExitCode> find_socket(const Session& session,
                                                           const Options& options) {
  if (!options.socket.empty()) return options.socket;
  const auto read = load_control_settings(ConfigFiles::in_folder(config_folder(session)).gantry,
                                          session.environment);
  if (read) {
    start_log(session, read->log);
    return control_socket(read->api, session.environment);
  }
  std::fputs(render_text(read.error(), session.colour_err).c_str(), stderr);
  if (options.as_json) print(render_json(read.error()) + "\n");
  return std::unexpected(ExitCode::usage);
}

// How each provider does, a line each.
std::string providers_text(const json::object& chain) {
  std::string out;
  const json::value* providers = chain.if_contains("providers");
  if (providers == nullptr || !providers->is_array()) return out;
  for (const json::value& provider : providers->get_array()) {
    const auto text = [&](std::string_view key) {
      const json::value* value =
          provider.is_object() ? provider.get_object().if_contains(key) : nullptr;
      return value != nullptr && value->is_string()
                 ? printable(std::string_view(value->get_string()))
                 : std::string();
    };
    out += fmt::format("    {:<12} {}\n", text("name"), text("summary"));
  }
  return out;
}

// What has tripped, each with what it stops and how it recovers.
std::string breakers_text(const json::object& chain) {
  std::string out;
  const json::value* breakers = chain.if_contains("breakers");
  if (breakers == nullptr || !breakers->is_array()) return out;
  for (const json::value& breaker : breakers->get_array()) {
    const auto text = [&](std::string_view key) {
      const json::value* value =
          breaker.is_object() ? breaker.get_object().if_contains(key) : nullptr;
      return value != nullptr && value->is_string()
                 ? printable(std::string_view(value->get_string()))
                 : std::string();
    };
    out += fmt::format("    {}\n      stops {}; goes on {}\n", text("summary"), text("stops"),
                       text("recovers"));
  }
  return out;
}

// What strategies hold.
std::string positions_text(const json::object& chain) {
  std::string out;
  const json::value* positions = chain.if_contains("positions");
  if (positions == nullptr || !positions->is_array()) return out;
  for (const json::value& position : positions->get_array()) {
    const json::value* summary =
        position.is_object() ? position.get_object().if_contains("summary") : nullptr;
    if (summary == nullptr || !summary->is_string()) continue;
    out += fmt::format("    {}\n", printable(std::string_view(summary->get_string())));
  }
  return out;
}

// What a chain that trades has under way, how its trades ended, what its executor holds, and how
// long the steps took. Nothing of a chain that does not trade.
std::string execution_text(const json::object& chain) {
  const json::value* told = chain.if_contains("execution");
  if (told == nullptr || !told->is_object()) return {};
  const json::object& execution = told->get_object();
  const auto number = [](const json::object& object, std::string_view key) -> std::uint64_t {
    const json::value* value = object.if_contains(key);
    const bool given = value != nullptr && (value->is_uint64() || value->is_int64());
    return given ? value->to_number<std::uint64_t>() : 0;
  };
  const auto text = [](const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? printable(std::string_view(value->get_string()))
                                                  : std::string();
  };
  std::string out =
      fmt::format("  {:<14} {} under way, {} waiting; {} filled, {} failed\n", "trades",
                  grouped(number(execution, "in_flight")), grouped(number(execution, "waiting")),
                  grouped(number(execution, "filled")), grouped(number(execution, "failed")));
  if (const json::value* reasons = execution.if_contains("not_sent");
      reasons != nullptr && reasons->is_object() && !reasons->get_object().empty()) {
    std::string list;
    for (const auto& reason : reasons->get_object()) {
      list += fmt::format("{}{} {}", list.empty() ? "" : ", ",
                          grouped(number(reasons->get_object(), reason.key())),
                          printable(std::string_view(reason.key())));
    }
    out += fmt::format("    {:<12} {}\n", "not sent", list);
  }
  if (const json::value* built = execution.if_contains("prepared");
      built != nullptr && built->is_object()) {
    const json::object& prepared = built->get_object();
    const std::uint64_t hits = number(prepared, "hits");
    const std::uint64_t all = hits + number(prepared, "misses");
    out += fmt::format(
        "    {:<12} {} of {} were built before ({:.1f} %), {} of them refused at "
        "once; {} kept\n",
        "prepared", grouped(hits), grouped(all),
        all == 0 ? 0.0 : 100 * static_cast<double>(hits) / static_cast<double>(all),
        grouped(number(prepared, "refused")), grouped(number(prepared, "entries")));
  }
  out += fmt::format("    {:<12} {}\n", "executor", text(execution, "executor"));
  if (const json::value* balances = execution.if_contains("balances");
      balances != nullptr && balances->is_array()) {
    for (const json::value& balance : balances->get_array()) {
      if (!balance.is_object()) continue;
      out += fmt::format("    {:<12} {} of {}\n", "holds", text(balance.get_object(), "amount"),
                         text(balance.get_object(), "token"));
    }
  }
  const json::value* times = execution.if_contains("times");
  if (times == nullptr || !times->is_object()) return out;
  for (const auto& step : times->get_object()) {
    if (!step.value().is_object()) continue;
    const json::object& time = step.value().get_object();
    out += fmt::format(
        "    {:<18} median {:.1f} us, p99 {:.1f} us, {} times\n",
        printable(std::string_view(step.key())), static_cast<double>(number(time, "p50_ns")) * 1e-3,
        static_cast<double>(number(time, "p99_ns")) * 1e-3, grouped(number(time, "count")));
  }
  return out;
}

// A chain of several in a line, with its trouble, its trades and its providers below it.
std::string chain_text(const json::object& chain) {
  const auto word = [&](std::string_view key) {
    const json::value* value = chain.if_contains(key);
    return value != nullptr && value->is_string() ? printable(std::string_view(value->get_string()))
                                                  : std::string();
  };
  const auto number = [&](std::string_view key) -> std::uint64_t {
    const json::value* value = chain.if_contains(key);
    const bool given = value != nullptr && (value->is_uint64() || value->is_int64());
    return given ? value->to_number<std::uint64_t>() : 0;
  };
  std::string out = fmt::format("  {:<14} {}", word("name"), word("state"));
  if (number("fetched_block") != 0) {
    out += fmt::format(", block {}, {} s old", number("fetched_block"),
                       grouped(number("block_age_s")));
  }
  out += fmt::format(", {}, {} approved", counted(number("snapshots"), "snapshot"),
                     grouped(number("approved")));
  const std::uint64_t untried = number("pools_untried");
  out += untried == 0 ? "\n" : fmt::format(", {} untried\n", counted(untried, "pool"));
  const std::string trouble = word("trouble");
  if (!trouble.empty()) out += fmt::format("  {:<14} {}\n", "", trouble);
  return out + breakers_text(chain) + positions_text(chain) + execution_text(chain) +
         providers_text(chain);
}

std::string status_text(const json::object& status) {
  std::string out;
  for (const auto& member : status) {
    const json::value& value = member.value();
    if (member.key() == "chains" && value.is_array()) {
      for (const json::value& chain : value.get_array()) {
        if (chain.is_object()) out += chain_text(chain.get_object());
      }
      continue;
    }
    if (member.key() == "breakers" && value.is_array()) {
      out += breakers_text(status);
      continue;
    }
    if (member.key() == "positions" && value.is_array()) {
      out += positions_text(status);
      continue;
    }
    if (member.key() == "execution" && value.is_object()) {
      out += execution_text(status);
      continue;
    }
    if (member.key() == "providers" && value.is_array()) {
      out += "  providers\n" + providers_text(status);
      continue;
    }
    const bool name = member.key() == "pid" || member.key() == "block";  // no quantity
    const std::string text = value.is_string() ? std::string(value.get_string())
                             : !name && (value.is_uint64() || value.is_int64())
                                 ? grouped(value.to_number<std::uint64_t>())
                                 : json::serialize(value);
    out += fmt::format("  {:<14} {}\n", printable(std::string_view(member.key())), printable(text));
  }
  return out;
}

ExitCode ask(const Session& session, const Options& options, std::string_view request) {
  const auto socket = find_socket(session, options);
  if (!socket) return socket.error();
  const auto answer = ask_host(*socket, request);
  if (!answer) {
    const ExitCode code = report_error(answer.error());
    if (options.as_json) print(json_text(json::object{{"running", false}}));
    return code;
  }
  json::error_code error;
  const json::value value = json::parse(*answer, error);
  if (error || !value.is_object() || value.get_object().contains("error")) {
    return report_error(
        {ErrorKind::io, fmt::format("{}: the host answered something else: {}", socket->string(),
                                    cut_to(printable(*answer), 80))});
  }
  print(options.as_json ? json_text(value) : status_text(value.get_object()));
  return ExitCode::done;
}

void add_request(CLI::App& app, CommandLine& line, const std::string& request,
                 const std::string& summary) {
  CLI::App* command = add_command(app, request, summary, request + " --json");
  auto options = std::make_shared<Options>();
  command->add_flag("--json", options->as_json, "For a program to read");
  command->add_option("--socket", options->socket, "Its socket, instead of the configuration's")
      ->type_name("FILE");
  command->callback([&line, options, request] {
    line.chosen = [&, options, request] { return ask(line.session, *options, request); };
  });
}

// Without a host that runs: in what the next start reads.
ExitCode resume_without_host(const Session& session, const Options& options,
                             const RiskSettings& settings) {
  const auto folder = risk_folder(settings.state, session.environment);
  if (!folder) {
    return report_error({ErrorKind::configuration,
                         "nothing is kept, for HOME and XDG_STATE_HOME are not set: set `state` in "
                         "[risk]"});
  }
  const auto store = RiskStore::open(*folder);
  if (!store) return report_error(store.error());
  const auto lifted = resume_kept(*store, settings);
  if (!lifted) return report_error(lifted.error());
  if (options.as_json) {
    json::array lines;
    for (const std::string& line : *lifted) lines.emplace_back(printable(line));
    print(json_text(json::object{{"resumed", true}, {"running", false}, {"lifted", lines}}));
    return ExitCode::done;
  }
  std::string out = lifted->empty() ? "nothing was stopped\n" : "resumed, for the next start\n";
  for (const std::string& line : *lifted) out += "  " + printable(line) + "\n";
  print(out);
  return ExitCode::done;
}

ExitCode resume(const Session& session, const Options& options) {
  const auto read = load_control_settings(ConfigFiles::in_folder(config_folder(session)).gantry,
                                          session.environment);
  if (!read && options.socket.empty()) {
    std::fputs(render_text(read.error(), session.colour_err).c_str(), stderr);
    if (options.as_json) print(render_json(read.error()) + "\n");
    return ExitCode::usage;
  }
  const std::filesystem::path socket = options.socket.empty()
                                           ? control_socket(read->api, session.environment)
                                           : std::filesystem::path(options.socket);
  const auto answer = ask_host(socket, "resume");
  if (!answer && answer.error().kind == ErrorKind::not_found && options.socket.empty()) {
    start_log(session, read->log);
    return resume_without_host(session, options, read->risk);
  }
  if (!answer) return report_error(answer.error());
  json::error_code error;
  const json::value value = json::parse(*answer, error);
  if (error || !value.is_object() || value.get_object().contains("error")) {
    return report_error(
        {ErrorKind::io, fmt::format("{}: the host cannot resume: a replay trades nothing, and an "
                                    "older host does not know how",
                                    socket.string())});
  }
  print(options.as_json ? json_text(value) : status_text(value.get_object()));
  const json::value* done = value.get_object().if_contains("resumed");
  return done != nullptr && done->is_bool() && done->get_bool() ? ExitCode::done : ExitCode::failed;
}

// Asks for it, and again for what became of it.
Result<json::object> ask_reload(const std::filesystem::path& socket, bool dry_run) {
  constexpr auto patience = std::chrono::seconds(60);
  const auto asked = [&](const std::string& request) -> Result<json::object> {
    const auto answer = ask_host(socket, request);
    if (!answer) return std::unexpected(answer.error());
    json::error_code error;
    const json::value value = json::parse(*answer, error);
    if (!error && value.is_object() && !value.get_object().contains("error")) {
      return value.get_object();
    }
    return fail(ErrorKind::io,
                fmt::format("{}: the host cannot reload: a replay obeys its recording, and an "
                            "older host does not know how",
                            socket.string()));
  };
  const auto begun = asked(dry_run ? "reload dry-run" : "reload");
  if (!begun) return begun;
  const std::string outcome = "reloaded " + json::serialize(begun->at("number"));
  const auto end = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < end) {
    auto told = asked(outcome);
    if (!told || told->at("state") != "working") return told;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return fail(ErrorKind::io,
              "it is prepared, or waits for the next block: `gantry status` will "
              "say what became of it");
}

ExitCode reload(const Session& session, const Options& options, bool dry_run) {
  const auto socket = find_socket(session, options);
  if (!socket) return socket.error();
  const auto told = ask_reload(*socket, dry_run);
  if (!told) return report_error(told.error());
  if (options.as_json) {
    print(json_text(*told));
  } else {
    std::string out = printable(std::string_view(told->at("state").as_string()));
    if (const auto from = told->at("from_snapshot").to_number<std::uint64_t>(); from != 0) {
      out += fmt::format(" from snapshot {} on", grouped(from));
    }
    out += "\n";
    for (const auto& line : told->at("changes").as_array()) {
      out += "  " + printable(std::string_view(line.as_string())) + "\n";
    }
    for (const auto& line : told->at("reasons").as_array()) {
      out += "  not possible: " + printable(std::string_view(line.as_string())) + "\n";
    }
    print(out);
  }
  return told->at("reasons").as_array().empty() ? ExitCode::done : ExitCode::found;
}

}  // namespace

void add_reload(CLI::App& app, CommandLine& line) {
  CLI::App* command =
      add_command(app, "reload", "Let the running host change what runs to what the files say now",
                  "reload --dry-run");
  auto options = std::make_shared<Options>();
  auto dry_run = std::make_shared<bool>(false);
  command->add_flag("--dry-run", *dry_run, "Only say what would be done");
  command->add_flag("--json", options->as_json, "For a program to read");
  command->add_option("--socket", options->socket, "Its socket, instead of the configuration's")
      ->type_name("FILE");
  command->callback([&line, options, dry_run] {
    line.chosen = [&, options, dry_run] { return reload(line.session, *options, *dry_run); };
  });
}

void add_status(CLI::App& app, CommandLine& line) {
  add_request(app, line, "status", "What the running host is doing");
}

void add_stop(CLI::App& app, CommandLine& line) {
  add_request(app, line, "stop",
              "Stop all trading at once, until `gantry resume`, and let the running host end");
}

void add_resume(CLI::App& app, CommandLine& line) {
  CLI::App* command = add_command(
      app, "resume", "Let trading go on after `gantry stop`, or after a breaker", "resume --json");
  auto options = std::make_shared<Options>();
  command->add_flag("--json", options->as_json, "For a program to read");
  command->add_option("--socket", options->socket, "Its socket, instead of the configuration's")
      ->type_name("FILE");
  command->callback(
      [&line, options] { line.chosen = [&, options] { return resume(line.session, *options); }; });
}

}  // namespace gantry::host::cli
