// gantry graph: the task graph that the running configuration makes.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "host/base/output_file.hpp"
#include "host/cli/command.hpp"
#include "host/picture/picture.hpp"

namespace gantry::host::cli {
namespace {

struct Options {
  std::string format = "text";
  std::string out;
};

ExitCode graph(const Session& session, const Options& options) {
  const auto loaded = load(session, false);
  if (!loaded) return ExitCode::usage;
  const auto nodes = street_picture(loaded->configuration);
  const std::string text = options.format == "svg"   ? picture_svg(nodes)
                           : options.format == "dot" ? picture_dot(nodes)
                                                     : picture_text(nodes);
  if (options.out.empty()) {
    print(text);
    return ExitCode::done;
  }
  // A picture is replaced by one of its format: the first bytes are the format's.
  constexpr std::size_t head_bytes = 8;
  const auto* head = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto free =
      check_output(options.out, {"picture", {head, std::min(head_bytes, text.size())}, {}});
  if (!free) return report_error(free.error());
  std::ofstream file(options.out, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file) return ExitCode::done;
  return report_error(
      {ErrorKind::io, fmt::format("{}: cannot be written: {}", options.out, std::strerror(errno))});
}

}  // namespace

void add_graph(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(app, "graph", "Draw the task graph that the configuration makes",
                                  "graph --format svg --out street.svg");
  command->add_option("--format", options->format, "text, dot or svg")
      ->check(CLI::IsMember({"text", "dot", "svg"}))
      ->type_name("FORMAT");
  command
      ->add_option("--out", options->out,
                   "File, instead of the terminal; a picture that is there is replaced")
      ->type_name("FILE");
  command->callback(
      [&line, options] { line.chosen = [&, options] { return graph(line.session, *options); }; });
}

}  // namespace gantry::host::cli
