// gantry import: other people's data becomes a recording.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <limits>

#include "host/cli/command.hpp"
#include "host/cli/guarded.hpp"
#include "host/cli/number.hpp"
#include "host/config/chain_part.hpp"
#include "host/feed/recording_feed.hpp"
#include "host/import/compile.hpp"
#include "host/import/univ2_pairs.hpp"
#include "host/plugin/library.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

// So that neither a block's number nor its time can overflow, however long the stream is.
constexpr std::uint64_t swaps_max = 1'000'000'000;
constexpr std::uint64_t interval_s_max = 31'536'000;  // a year
constexpr std::uint64_t block_max = (1ULL << 53U) - 1;
constexpr std::uint64_t time_s_max = 253'402'300'799;  // the end of the year 9999

struct Options {
  ImportOptions import;
  std::string input;
  std::string output;
  bool as_json = false;
};

ExitCode import(Options options) {
  options.import.input = options.input;
  options.import.output = options.output;
  const auto report = import_univ2_pairs(options.import);
  if (!report) return report_error(report.error());
  if (options.as_json) {
    print(json_text(boost::json::object{{"output", printable(options.output)},
                                        {"pairs", report->pairs},
                                        {"empty", report->empty},
                                        {"pools", report->pools},
                                        {"tokens", report->tokens},
                                        {"sanitised_symbols", report->sanitised_symbols},
                                        {"swaps", report->swaps},
                                        {"blocks", report->blocks},
                                        {"digest", fmt::format("{:016x}", report->digest)},
                                        {"provenance", printable(report->provenance)}}));
    return ExitCode::done;
  }
  print(fmt::format("{}: {}, {}, {}, {}, digest {:016x}\n", printable(options.output),
                    counted(report->pools, "pool"), counted(report->tokens, "token"),
                    counted(report->swaps, "swap"), counted(report->blocks, "block"),
                    report->digest));
  print(fmt::format("left out: {} without reserves; {} cleaned\n", counted(report->empty, "pair"),
                    counted(report->sanitised_symbols, "symbol")));
  for (const std::string& text : wrap(printable(report->provenance), 98)) print("  " + text + "\n");
  return ExitCode::done;
}

struct CompileCommand {
  std::string input;
  std::string output;
  bool as_json = false;
};

// The last words of a bar that is drawn over.
void draw_blocks(std::uint64_t done, std::uint64_t of) {
  constexpr std::uint64_t cells = 24;
  constexpr std::uint64_t step = 256;  // blocks from one drawing to the next
  if (done == of) {
    std::fputs("\r\x1b[K", stderr);
  } else if (done % step == 0) {
    std::string bar;
    for (std::uint64_t i = 0; i < cells; ++i) bar += i < done * cells / of ? "█" : "░";
    std::fputs(fmt::format("\r\x1b[K{} {} of {} blocks", bar, done, of).c_str(), stderr);
  }
}

Result<CompileReport> compile(const Session& session, const Configuration& configuration,
                              const CompileCommand& options) {
  const auto feed = RecordingFeed::open(options.input);
  if (!feed) return std::unexpected(feed.error());
  const auto chain = configuration.chain_of(options.input, feed->header().chain);
  if (!chain) return std::unexpected(chain.error());
  // Strategies and paymasters have no part in it.
  Configuration part = chain_part(configuration, (*chain)->id);
  part.strategies.clear();
  part.paymasters.clear();
  const auto store = default_plugin_store();
  if (!store) return std::unexpected(store.error());
  auto guarded = guard_plugins(session, configuration.plugin, Obey::all,
                               "gantry import recording " + options.input);
  if (!guarded) return std::unexpected(guarded.error());
  Plugins plugins = make_plugins(part, *store, guarded->record);
  if (!plugins.refused.empty()) {
    const Refusal& refusal = plugins.refused.front();
    return fail(ErrorKind::plugin,
                fmt::format("{} {}: {}", refusal.kind, refusal.instance, refusal.reason));
  }
  CompileOptions how{options.input, options.output};
  if (session.terminal_err) how.progress = draw_blocks;
  return compile_recording(**chain, std::move(plugins.venues), how);
}

ExitCode import_recording(const Session& session, const CompileCommand& options) {
  const auto loaded = load(session, options.as_json, Warnings::logged);
  if (!loaded) return ExitCode::usage;
  const auto report = compile(session, loaded->configuration, options);
  if (!report) return report_error(report.error());
  if (options.as_json) {
    boost::json::array venues;
    for (const std::string& venue : report->venues) venues.emplace_back(printable(venue));
    print(json_text(boost::json::object{{"output", printable(options.output)},
                                        {"tokens", report->tokens},
                                        {"pools", report->pools},
                                        {"blocks", report->blocks},
                                        {"facts", report->facts},
                                        {"source_bytes", report->source_bytes},
                                        {"bytes", report->bytes},
                                        {"digest", fmt::format("{:016x}", report->digest)},
                                        {"venues", std::move(venues)}}));
    return ExitCode::done;
  }
  print(fmt::format("{}: {}, {}, {} of {}, digest {:016x}\n", printable(options.output),
                    counted(report->pools, "pool"), counted(report->tokens, "token"),
                    counted(report->facts, "fact"), counted(report->blocks, "block"),
                    report->digest));
  print(fmt::format("{} bytes, of {} bytes\n", grouped(report->bytes),
                    grouped(report->source_bytes)));
  for (const std::string& venue : report->venues) {
    for (const std::string& text : wrap(printable(venue), 98)) print("  " + text + "\n");
  }
  return ExitCode::done;
}

void add_import_recording(CLI::App& group, CommandLine& line) {
  auto options = std::make_shared<CompileCommand>();
  CLI::App* command = add_command(
      group, "recording",
      "A recording, compiled: the configured venues apply its facts once, and runs on what is "
      "written read it many times as fast, to the same result. Only those venues, with the same "
      "libraries and parameters, can run on it",
      "import recording data/univ2_2020.gantry --out /var/tmp/compiled.gantry");
  command->add_option("file", options->input, "The recording")->required()->type_name("FILE");
  command
      ->add_option("--out", options->output,
                   "The compiled recording; one that is there is replaced, no other file is")
      ->required()
      ->type_name("FILE");
  command->add_flag("--json", options->as_json, "For a program to read");
  command->callback([&line, options] {
    line.chosen = [&line, options] { return import_recording(line.session, *options); };
  });
}

}  // namespace

void add_import(CLI::App& app, CommandLine& line) {
  CLI::App* group = add_command(app, "import", "Make a recording of other data",
                                "import univ2-pairs PAIRS.json --out market.gantry");
  group->require_subcommand(1);
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(
      *group, "univ2-pairs", "A JSON list of Uniswap V2 pairs, and a stream of synthetic swaps",
      "import univ2-pairs PAIRS.json --out market.gantry --stream 10000 --seed 1");
  ImportOptions& import_options = options->import;
  command->add_option("pairs", options->input, "The list of pairs")->required()->type_name("FILE");
  command
      ->add_option("--out", options->output,
                   "The recording; one that is there is replaced, no other file is")
      ->required()
      ->type_name("FILE");
  add_whole_number(*command, "--stream", "Synthetic swaps to append; 0: none", {0, swaps_max},
                   import_options.stream.swaps)
      ->type_name("N");
  add_whole_number(*command, "--seed", "Of the stream",
                   {0, std::numeric_limits<std::uint64_t>::max()}, import_options.stream.seed)
      ->type_name("S");
  add_whole_number(*command, "--block-interval", "Seconds from one synthetic block to the next",
                   {0, interval_s_max}, import_options.stream.block_interval_s)
      ->type_name("S");
  add_whole_number(*command, "--block", "Block of the list's reserves", {0, block_max},
                   import_options.block)
      ->type_name("N");
  add_whole_number(*command, "--time", "Time of that block, in Unix seconds", {0, time_s_max},
                   import_options.time_s)
      ->type_name("S");
  command->add_option("--chain", import_options.chain, "CAIP-2 [eip155:1]")->type_name("ID");
  command->add_option("--venue", import_options.venue, "The [[dex]] of the pools [uniswap_v2]")
      ->type_name("NAME");
  command->add_option("--source", import_options.source, "Where the list is from, in one line")
      ->type_name("TEXT");
  command->add_flag("--json", options->as_json, "For a program to read");
  command->callback([&line, options] { line.chosen = [options] { return import(*options); }; });
  add_import_recording(*group, line);
}

}  // namespace gantry::host::cli
