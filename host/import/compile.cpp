#include "host/import/compile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "host/base/sha256.hpp"
#include "host/base/text.hpp"
#include "host/base/version.hpp"
#include "host/market/compiled_by.hpp"
#include "host/market/market_state.hpp"
#include "host/recording/reader.hpp"
#include "host/recording/writer.hpp"

namespace gantry::host {

namespace {

using namespace recording;

// Read many times and written once: frames of swaps are not compressed at all, others well, and one
// stays in a core's cache.
constexpr RecordingWriterOptions compiled_options{-12, 256U << 10U};

Bytes source_hash(std::string_view hex) {
  const auto digit = [](char c) {
    return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4U | digit(hex[i + 1])));
  }
  return bytes;
}

// A block of the source, with all that stands behind it up to the next.
class BlockCompiler {
 public:
  BlockCompiler(MarketState& market, RecordingWriter& writer) : market_(market), writer_(writer) {}

  Status take(Record record) {
    if (auto* fact = std::get_if<Fact>(&record)) {
      open_.facts.push_back(std::move(*fact));
      return {};
    }
    if (std::holds_alternative<Block>(record)) {
      if (auto done = close(); !done) return done;
      open_ = std::exchange(ahead_, BlockInput());
      open_.block = std::get<Block>(record);
      is_open_ = true;
      return {};
    }
    if (auto* token = std::get_if<Token>(&record)) ahead_.tokens.push_back(*token);
    if (auto* pool = std::get_if<Pool>(&record)) ahead_.pools.push_back(*pool);
    if (auto* event = std::get_if<Event>(&record)) {
      auto decoded = decode(*event);
      if (!decoded) return std::unexpected(decoded.error());
      ahead_.events.push_back(std::move(*decoded));
    }
    behind_.push_back(std::move(record));
    return {};
  }

  // Writes the block that is open, if there is one, and what stood behind it.
  Status close() {
    if (is_open_) {
      facts_ += open_.facts.size();
      auto compiled = market_.compile(open_);
      if (!compiled) return std::unexpected(compiled.error());
      if (auto ok = writer_.append(open_.block); !ok) return ok;
      // Right behind their block: the first are one record with it.
      for (Changes& changes : compiled->changes) {
        if (auto ok = writer_.append(std::move(changes)); !ok) return ok;
      }
      for (Fact& fact : open_.facts) {
        // An oracle's answers are read in each run, by the chain's settings.
        if (fact.pool != no_pool) continue;
        if (auto ok = writer_.append(std::move(fact)); !ok) return ok;
      }
      is_open_ = false;
      ++blocks_;
    }
    for (Record& record : behind_) {
      if (auto ok = writer_.append(record); !ok) return ok;
    }
    behind_.clear();
    return {};
  }

  std::uint64_t blocks() const { return blocks_; }
  std::uint64_t facts() const { return facts_; }

 private:
  MarketState& market_;
  RecordingWriter& writer_;
  BlockInput open_;
  BlockInput ahead_;  // what comes before the next block
  bool is_open_ = false;
  std::vector<Record> behind_;
  std::uint64_t blocks_ = 0;
  std::uint64_t facts_ = 0;
};

// A fault would cost a venue strikes in each run, and from then on its pools stand still.
Status check_health(const std::vector<std::shared_ptr<VenueInstance>>& venues) {
  for (const auto& venue : venues) {
    if (venue->health().strikes() == 0) continue;
    return fail(ErrorKind::plugin,
                fmt::format("venue {}: {}: its faults cannot be compiled; mend or disable it",
                            venue->name(), venue->health().kept().front().reason));
  }
  return {};
}

Status compile_blocks(RecordingReader& reader, BlockCompiler& compiler, const CompileOptions& how,
                      std::uint64_t blocks) {
  while (true) {
    auto record = reader.next();
    if (!record) return std::unexpected(record.error());
    if (!*record || std::holds_alternative<End>(**record)) return compiler.close();
    if (std::holds_alternative<Header>(**record)) continue;
    const std::uint64_t before = compiler.blocks();
    if (auto taken = compiler.take(std::move(**record)); !taken) {
      return fail(taken.error().kind,
                  fmt::format("{}: {}", how.input.string(), taken.error().message));
    }
    if (compiler.blocks() != before && how.progress) how.progress(compiler.blocks(), blocks);
  }
}

}  // namespace

Result<RecordingSurvey> survey_recording(const std::filesystem::path& path) {
  auto reader = RecordingReader::open(path);
  if (!reader) return std::unexpected(reader.error());
  RecordingSurvey survey;
  std::set<std::string> venues;
  while (true) {
    auto record = reader->next();
    if (!record) return std::unexpected(record.error());
    if (!*record) break;
    if (std::holds_alternative<Compiled>(**record)) {
      return fail(ErrorKind::usage, fmt::format("{}: is compiled already; name the recording that "
                                                "it was made of",
                                                path.string()));
    }
    if (const auto* pool = std::get_if<Pool>(&**record)) venues.insert(pool->venue);
    if (const auto* end = std::get_if<End>(&**record)) {
      survey.blocks = end->blocks;
      survey.facts = end->facts;
    }
  }
  survey.venues.assign(venues.begin(), venues.end());
  return survey;
}

Result<CompileReport> compile_recording(const ChainSettings& chain,
                                        std::vector<std::shared_ptr<VenueInstance>> venues,
                                        const CompileOptions& options) {
  if (auto free = check_target(options.output, options.input); !free) {
    return std::unexpected(free.error());
  }
  const auto survey = survey_recording(options.input);
  if (!survey) return std::unexpected(survey.error());
  const auto hash = sha256_of_file(options.input);
  if (!hash) {
    return fail(ErrorKind::io, fmt::format("{}: cannot be read", options.input.string()));
  }

  CompileReport report;
  Compiled compiled{compiled_version, source_hash(*hash), compiled_line(chain) + "\n"};
  for (const auto& venue : venues) {
    if (!std::ranges::binary_search(survey->venues, venue->name())) continue;
    report.venues.push_back(compiled_line(*venue));
    compiled.venues += report.venues.back() + "\n";
  }
  if (report.venues.empty()) {
    return fail(ErrorKind::usage, fmt::format("{}: no [[dex]] that runs has a pool in it, so there "
                                              "is nothing to compile; enable its venues",
                                              options.input.string()));
  }
  auto reader = RecordingReader::open(options.input);
  if (!reader) return std::unexpected(reader.error());
  auto writer = RecordingWriter::create(options.output, compiled_options);
  if (!writer) return std::unexpected(writer.error());
  Header header = reader->header();
  header.creator = fmt::format("gantry {}", version_text);
  if (auto ok = writer->append(header); !ok) return std::unexpected(ok.error());
  if (auto ok = writer->append(compiled); !ok) return std::unexpected(ok.error());

  MarketState market(chain, venues);
  BlockCompiler compiler(market, *writer);
  if (auto done = compile_blocks(*reader, compiler, options, survey->blocks); !done) {
    return std::unexpected(done.error());
  }
  if (auto sound = check_health(venues); !sound) return std::unexpected(sound.error());
  const auto end = writer->finish();
  if (!end) return std::unexpected(end.error());
  report.tokens = end->tokens;
  report.pools = end->pools;
  report.blocks = end->blocks;
  report.facts = compiler.facts();
  report.digest = end->digest;
  std::error_code unknown;
  report.source_bytes = std::filesystem::file_size(options.input, unknown);
  report.bytes = std::filesystem::file_size(options.output, unknown);
  return report;
}

}  // namespace gantry::host
