#include "host/import/univ2_pairs.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "host/base/version.hpp"
#include "host/recording/byte_stream.hpp"
#include "host/recording/writer.hpp"

namespace gantry::host {

using namespace recording;

namespace {

// The strongest that one frame's window serves: the market is written once and shipped.
constexpr int compression_level = 19;
constexpr std::size_t frame_bytes = 4U << 20U;

std::string hex_of(const gantry_address& address) {
  std::string text = "0x";
  for (std::size_t i = 0; i < address.length; ++i) text += fmt::format("{:02x}", address.bytes[i]);
  return text;
}

// Tokens get their handles in the order in which the pairs name them.
class Tokens {
 public:
  Result<std::uint32_t> handle(const PairToken& token) {
    const auto [place, added] =
        handles_.try_emplace(hex_of(token.address), static_cast<std::uint32_t>(tokens_.size()));
    if (added) {
      tokens_.push_back(Token{token.address, token.symbol, token.decimals});
    } else {
      const Token& known = tokens_[place->second];
      if (known.symbol != token.symbol || known.decimals != token.decimals) {
        return fail(ErrorKind::format, fmt::format("token {} is told in two ways: {} with {} "
                                                   "decimals, and {} with {}",
                                                   place->first, known.symbol, known.decimals,
                                                   token.symbol, token.decimals));
      }
    }
    return place->second;
  }
  [[nodiscard]] const std::vector<Token>& all() const { return tokens_; }

 private:
  std::map<std::string, std::uint32_t> handles_;
  std::vector<Token> tokens_;
};

// What the recording's first block holds.
struct Market {
  Tokens tokens;
  std::vector<PairEntry> pairs;  // those with reserves
  std::vector<Pool> pools;       // theirs
};

Result<Market> market_of(PairList list, const ImportOptions& options) {
  Market market;
  std::set<std::string> addresses;
  for (PairEntry& pair : list.pairs) {
    if (!addresses.insert(hex_of(pair.address)).second) {
      return fail(ErrorKind::format, fmt::format("{}: pair {} comes twice", options.input.string(),
                                                 hex_of(pair.address)));
    }
    if (pair.reserves[0].is_zero() || pair.reserves[1].is_zero()) continue;
    Pool pool;
    pool.venue = options.venue;
    pool.address = pair.address;
    for (const PairToken& token : pair.tokens) {
      const auto handle = market.tokens.handle(token);
      if (!handle) {
        return fail(ErrorKind::format,
                    fmt::format("{}: {}", options.input.string(), handle.error().message));
      }
      pool.tokens.push_back(*handle);
    }
    market.pools.push_back(std::move(pool));
    market.pairs.push_back(std::move(pair));
  }
  if (market.pools.empty()) {
    return fail(ErrorKind::format, fmt::format("{}: no pair has reserves", options.input.string()));
  }
  return market;
}

std::string provenance_of(const ImportOptions& options, std::size_t pools) {
  const std::string source =
      options.source.empty() ? options.input.filename().string() : options.source;
  std::string text =
      fmt::format("Real: the reserves of {} pools, as read ({}). Synthetic: block number and time",
                  pools, source);
  if (options.stream.swaps != 0) {
    text += fmt::format(", and the stream of {} exact swaps of seed {} that follows",
                        options.stream.swaps, options.stream.seed);
  }
  return text + ".";
}

Status append_market(RecordingWriter& writer, const Market& market, const Block& block) {
  for (const Token& token : market.tokens.all()) {
    if (auto ok = writer.append(token); !ok) return ok;
  }
  for (const Pool& pool : market.pools) {
    if (auto ok = writer.append(pool); !ok) return ok;
  }
  if (auto ok = writer.append(block); !ok) return ok;
  for (std::size_t i = 0; i < market.pairs.size(); ++i) {
    Fact fact;
    fact.pool = static_cast<std::uint32_t>(i);
    fact.kind = FactKind::evm_call;
    fact.source = market.pairs[i].address;
    fact.data = get_reserves_answer(market.pairs[i].reserves, block.time_s);
    if (auto ok = writer.append(fact); !ok) return ok;
  }
  return {};
}

Status write(RecordingWriter& writer, const Market& market, const ImportOptions& options,
             ImportReport& report) {
  const Header header{format_version, options.chain, report.provenance,
                      fmt::format("gantry {}", version_text)};
  if (auto ok = writer.append(header); !ok) {
    return fail(ErrorKind::usage, ok.error().message);  // only the options can be to blame
  }
  const Block block{options.block, options.time_s, gantry_amount{}, std::nullopt};
  if (auto ok = append_market(writer, market, block); !ok) return ok;
  SwapStream stream(market.pairs, options.stream);
  const auto totals = stream.append_to(writer, block);
  if (!totals) return std::unexpected(totals.error());
  report.swaps = totals->swaps;
  const auto end = writer.finish();
  if (!end) return std::unexpected(end.error());
  report.tokens = end->tokens;
  report.pools = end->pools;
  report.blocks = end->blocks;
  report.digest = end->digest;
  return {};
}

}  // namespace

Result<ImportReport> import_univ2_pairs(const ImportOptions& options) {
  if (auto free = check_target(options.output, options.input); !free) {
    return std::unexpected(free.error());
  }
  auto source = open_file(options.input);
  if (!source) return std::unexpected(source.error());
  auto list = read_pairs(**source, options.input.string());
  if (!list) return std::unexpected(list.error());

  ImportReport report;
  report.pairs = list->pairs.size();
  report.sanitised_symbols = list->sanitised_symbols;
  const auto market = market_of(std::move(*list), options);
  if (!market) return std::unexpected(market.error());
  report.empty = report.pairs - market->pools.size();
  report.provenance = provenance_of(options, market->pools.size());

  auto writer = RecordingWriter::create(options.output, {compression_level, frame_bytes});
  if (!writer) return std::unexpected(writer.error());
  if (auto ok = write(*writer, *market, options, report); !ok) return std::unexpected(ok.error());
  return report;
}

}  // namespace gantry::host
