#include "host/cli/live_quote.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/config/address.hpp"
#include "host/live/chain_text.hpp"
#include "host/live/data_fee_reads.hpp"
#include "host/live/pool_list.hpp"
#include "host/plugin/library.hpp"

namespace gantry::host::cli {
namespace {

constexpr std::chrono::milliseconds head_deadline{10'000};
constexpr std::size_t coins_max = 8;
constexpr std::uint8_t token0_selector[] = {0x0d, 0xfe, 0x16, 0x81};  // token0()
constexpr std::uint8_t token1_selector[] = {0xd2, 0x12, 0x20, 0xa7};  // token1()
constexpr std::uint8_t coins_selector[] = {0xc6, 0x61, 0x06, 0x57};   // coins(uint256)

Result<gantry_address> address_of(const std::string& text, const ChainSettings& chain) {
  const auto address = config::parse_address(text, chain.id);
  if (address) return *address;
  return fail(ErrorKind::usage, fmt::format("`{}` is no address: it {}", text, address.error()));
}

bool lists(const VenueInstance& venue, const gantry_address& pool) {
  return std::ranges::any_of(venue.settings.pools, [&](const ListedPool& listed) {
    return AddressEqual()(listed.address, pool);
  });
}

Result<std::shared_ptr<VenueInstance>> venue_of(const Plugins& plugins, const ChainSettings& chain,
                                                const gantry_address& pool,
                                                const LiveQuestion& question) {
  std::vector<std::shared_ptr<VenueInstance>> venues;
  std::vector<std::string> names;
  for (const auto& venue : plugins.venues) {
    if (venue->settings.chain != chain.id) continue;
    names.push_back(venue->name());
    if (question.dex.empty() || question.dex == venue->name()) venues.push_back(venue);
  }
  const auto listing =
      std::ranges::find_if(venues, [&](const auto& venue) { return lists(*venue, pool); });
  if (listing != venues.end()) return *listing;
  if (venues.size() == 1) return venues.front();
  for (const Refusal& refused : plugins.refused) {
    if (refused.instance == question.dex) return fail(ErrorKind::plugin, refused.reason);
  }
  if (venues.empty()) {
    return fail(ErrorKind::usage, fmt::format("no [[dex]] named `{}` runs on {}; there are: {}",
                                              question.dex, chain.id, fmt::join(names, ", ")));
  }
  return fail(ErrorKind::usage, fmt::format("no [[dex]] lists the pool: say with --dex which it "
                                            "is of: {}",
                                            fmt::join(names, ", ")));
}

// An address as the ABI returns it; nullopt: it is none, or the zero address.
std::optional<gantry_address> returned_address(const recording::Fact& fact) {
  if (fact.status != GANTRY_OK || fact.data.size() != 32) return std::nullopt;
  const u256 word = load_be(fact.data.data());
  if (word.is_zero() || word.limb(3) != 0 || (word.limb(2) >> 32U) != 0) return std::nullopt;
  return evm_address({fact.data.data() + 12, 20});
}

Result<std::vector<gantry_address>> ask_for_tokens(Fetcher& fetcher, const gantry_context& context,
                                                   const gantry_address& pool) {
  std::vector<PoolRequest> requests;
  const auto add = [&](std::span<const std::uint8_t> selector, std::optional<std::uint8_t> index) {
    recording::Bytes data(selector.begin(), selector.end());
    if (index) {
      data.resize(data.size() + 32);
      data.back() = *index;
    }
    requests.push_back({0, GANTRY_SOURCE_EVM_CALL, 0, pool, std::move(data)});
  };
  add(token0_selector, {});
  add(token1_selector, {});
  for (std::uint8_t i = 0; i < coins_max; ++i) add(coins_selector, i);
  const auto answers = fetcher.answer(context, requests);
  if (!answers) return std::unexpected(answers.error());
  std::vector<gantry_address> tokens;
  for (std::size_t i = 0; i < 2; ++i) {
    if (const auto token = returned_address((*answers)[i])) tokens.push_back(*token);
  }
  if (tokens.size() == 2) return tokens;
  tokens.clear();
  for (std::size_t i = 2; i < answers->size(); ++i) {
    const auto token = returned_address((*answers)[i]);
    if (!token) break;
    tokens.push_back(*token);
  }
  if (tokens.size() >= 2) return tokens;
  return fail(ErrorKind::not_found,
              fmt::format("{} does not say its tokens by token0() or coins(): name them in the "
                          "contract's order with --tokens, or list the pool as [[dex.pool]]",
                          address_text(pool)));
}

gantry_context context_of(const ChainSettings& chain, const ChainBlock& block) {
  gantry_context context{};
  context.chain = {chain.id.data(), chain.id.size()};
  context.state_block = block.number;
  context.state_time_s = block.time_s;
  return context;
}

Result<ChainBlocks> block_of(Providers& providers, const LiveQuestion& question) {
  if (question.block) return read_blocks(providers, {*question.block, *question.block});
  const auto head = providers.poll_head(head_deadline);
  if (!head) return fail(ErrorKind::io, head.error().message);
  return read_blocks(providers, {head->number, head->number});
}

}  // namespace

Result<std::unique_ptr<QuotedMarket>> open_live_market(const Session& session,
                                                       Configuration configuration,
                                                       const LiveQuestion& question,
                                                       const PluginRecord& record) {
  auto market = std::make_unique<QuotedMarket>();
  market->configuration = std::move(configuration);
  Configuration& settings = market->configuration;
  settings.strategies.clear();
  settings.paymasters.clear();
  for (DexSettings& dex : settings.dexes) dex.min_liquidity_usd = 0;
  const auto chain = live_chain(settings, question.chain);
  if (!chain) return std::unexpected(chain.error());
  const auto pool = address_of(question.pool, **chain);
  if (!pool) return std::unexpected(pool.error());
  auto http = make_curl_http_pool();
  if (!http) return std::unexpected(http.error());
  const auto live = ask_chain(session, **chain, std::move(*http));
  if (!live) return std::unexpected(live.error());
  Providers& providers = *(*live)->providers;
  const auto store = default_plugin_store();
  if (!store) return std::unexpected(store.error());
  const Plugins plugins = make_plugins(settings, *store, record);
  const auto venue = venue_of(plugins, **chain, *pool, question);
  if (!venue) return std::unexpected(venue.error());

  const auto read = block_of(providers, question);
  if (!read) return std::unexpected(read.error());
  const ChainBlock& block = read->blocks.front();
  const gantry_context context = context_of(**chain, block);
  Fetcher fetcher(providers);
  fetcher.read_at(block.pin());
  auto& listed = (*venue)->settings.pools;
  std::erase_if(listed,
                [&](const ListedPool& each) { return !AddressEqual()(each.address, *pool); });
  (*venue)->settings.discover = false;
  if (listed.empty()) {
    ListedPool wanted{*pool, {}, {}};
    for (const std::string& text : question.tokens) {
      const auto token = address_of(text, **chain);
      if (!token) return std::unexpected(token.error());
      wanted.tokens.push_back(*token);
    }
    if (wanted.tokens.empty()) {
      auto tokens = ask_for_tokens(fetcher, context, *pool);
      if (!tokens) return std::unexpected(tokens.error());
      wanted.tokens = std::move(*tokens);
    }
    listed.push_back(std::move(wanted));
  }
  PoolList list(**chain, {*venue}, providers, fetcher);
  auto found = list.find(context, block.pin());
  if (!found) return std::unexpected(found.error());
  if (found->pools.empty() && list.untried().count() != 0) {
    // A quote trades nothing, and the venue's own word on an empty pool is what is asked for.
    spdlog::warn("{}: {}; it is quoted as if all that is sent arrived, and a run keeps it out",
                 question.pool, list.untried().reason);
    ChainSettings untried = **chain;
    untried.check_tokens = false;
    found = PoolList(untried, {*venue}, providers, fetcher).find(context, block.pin());
    if (!found) return std::unexpected(found.error());
  }
  if (found->pools.empty()) {
    return fail(ErrorKind::not_found,
                fmt::format("{} was left out, for one of its tokens: the warning above says which "
                            "and why, or it has no decimals()",
                            question.pool));
  }
  BlockInput input;
  input.tokens = std::move(found->tokens);
  input.pools = std::move(found->pools);
  input.block = {block.number, block.time_s, block.base_fee, read->gas_price};
  const DataFeeReads data_fee((*chain)->data_fee);
  if (auto asked = data_fee.ask_if_missing(fetcher, context, input.facts); !asked) {
    return std::unexpected(asked.error());
  }
  market->state = std::make_unique<MarketState>(**chain, std::vector{*venue});
  auto snapshot = market->state->advance(input, fetcher);
  if (!snapshot) return std::unexpected(snapshot.error());
  market->snapshot = std::move(*snapshot);
  return market;
}

}  // namespace gantry::host::cli
