// gantry status, gantry stop: ask the host that runs.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "host/api/control.hpp"
#include "host/cli/command.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace json = boost::json;

struct Options {
  bool as_json = false;
  std::string socket;
};

// The socket given, or else the configuration's.
std::expected<std::filesystem::path, ExitCode> find_socket(const Session& session,
                                                           const Options& options) {
  if (!options.socket.empty()) return options.socket;
  const auto loaded = load(session, options.as_json);
  if (!loaded) return std::unexpected(ExitCode::usage);
  return control_socket(loaded->configuration.api, session.environment);
}

std::string status_text(const json::object& status) {
  std::string out;
  for (const auto& member : status) {
    const json::value& value = member.value();
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

}  // namespace

void add_status(CLI::App& app, CommandLine& line) {
  add_request(app, line, "status", "What the running host is doing");
}

void add_stop(CLI::App& app, CommandLine& line) {
  add_request(app, line, "stop", "Let the running host finish its snapshot and end");
}

}  // namespace gantry::host::cli
