// gantry graph: the task graph that the running configuration makes, of each chain one.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "host/base/output_file.hpp"
#include "host/cli/command.hpp"
#include "host/cli/followed_chains.hpp"
#include "host/config/chain_part.hpp"
#include "host/feed/recording_feed.hpp"
#include "host/picture/picture.hpp"

namespace gantry::host::cli {
namespace {

struct Options {
  std::string format = "text";
  std::string out;
};

// The chains that `gantry run` would follow; or, as long as no keys are set, could.
std::vector<const ChainSettings*> drawn_chains(const Session& session,
                                               const Configuration& configuration) {
  const auto followed = followed_chains(configuration, session.environment, {});
  if (followed) return followed->chains;
  std::vector<const ChainSettings*> all;
  for (const ChainSettings& chain : configuration.chains) {
    if (chain.enabled && !chain.providers.empty()) all.push_back(&chain);
  }
  return all;
}

using Nodes = std::vector<StreetNode>;

// What `gantry run --live` has beside the graph of a chain that trades: threads of its own. The
// plan is handed over, and what became of it is told to risk before a later group.
void draw_execution(const ChainSettings& chain, Nodes& street) {
  if (!chain.execution || chain.execution->executor.kind == GANTRY_ADDRESS_NONE) return;
  const auto node = [&](std::string_view name) {
    return static_cast<std::size_t>(std::ranges::find(street, name, &StreetNode::name) -
                                    street.begin());
  };
  const std::size_t orders = street.size();
  street[node("plan")].next.push_back(orders);
  street[node("end")].detail = "report and recording";
  street.push_back({"orders", "--live: who lends, simulate, sign, write", {orders + 1}});
  street.push_back({"send",
                    fmt::format("--live: risk again; {}", to_string(chain.execution->send)),
                    {orders + 2}});
  street.push_back({"confirm", "--live: each block, what became of it", {node("risk")}});
}

// The street of the recorded market, or that of each chain, whose nodes have its name where there
// are several.
std::vector<Nodes> streets_of(const Session& session, const Configuration& configuration) {
  const auto& recording = configuration.market.recording;
  if (!recording.empty() || !has_live_chain(configuration)) {
    const auto feed = RecordingFeed::open(recording);
    const bool known = feed && configuration.chain_of(recording, feed->header().chain);
    return {
        street_picture(known ? chain_part(configuration, feed->header().chain) : configuration)};
  }
  const auto chains = drawn_chains(session, configuration);
  std::vector<Nodes> streets;
  for (const ChainSettings* chain : chains) {
    streets.push_back(street_picture(chain_part(configuration, chain->id)));
    draw_execution(*chain, streets.back());
    if (chains.size() == 1) break;
    for (StreetNode& node : streets.back()) {
      node.name = fmt::format("{}: {}", chain->name, node.name);
    }
  }
  return streets;
}

// One picture of all, beside each other.
Nodes together(std::vector<Nodes> streets) {
  Nodes all;
  for (Nodes& street : streets) {
    const std::size_t first = all.size();
    for (StreetNode& node : street) {
      for (std::size_t& next : node.next) next += first;
      all.push_back(std::move(node));
    }
  }
  return all;
}

std::string text_of(const std::vector<Nodes>& streets) {
  std::string text;
  for (const Nodes& street : streets) text += (text.empty() ? "" : "\n") + picture_text(street);
  return text;
}

ExitCode graph(const Session& session, const Options& options) {
  const auto loaded = load(session, false);
  if (!loaded) return ExitCode::usage;
  auto streets = streets_of(session, loaded->configuration);
  const std::string text = options.format == "text"  ? text_of(streets)
                           : options.format == "dot" ? picture_dot(together(std::move(streets)))
                                                     : picture_svg(together(std::move(streets)));
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
