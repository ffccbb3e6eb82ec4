// gantry import: other people's data becomes a recording.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <limits>

#include "host/cli/command.hpp"
#include "host/cli/number.hpp"
#include "host/import/univ2_pairs.hpp"
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
}

}  // namespace gantry::host::cli
