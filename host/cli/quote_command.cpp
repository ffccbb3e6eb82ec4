// gantry quote: one exact quote of one pool, of the recorded market or of a chain at one block.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <limits>

#include "host/base/text.hpp"
#include "host/cli/command.hpp"
#include "host/cli/guarded.hpp"
#include "host/cli/live_quote.hpp"
#include "host/cli/number.hpp"
#include "host/cli/quoted_market.hpp"
#include "host/market/market_view.hpp"
#include "host/plan/calls.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace json = boost::json;

struct Options {
  std::string pool;
  std::string token_in;
  std::string token_out;
  std::string amount;
  std::string chain;
  std::string dex;
  std::vector<std::string> tokens;
  std::optional<std::uint64_t> block;
  bool exact_out = false;
  bool as_json = false;
};

struct Answer {
  std::uint32_t pool = 0;
  std::uint32_t token_in = 0;  // market handles
  std::uint32_t token_out = 0;
  gantry_quote quote{};
  std::optional<u256> data_fee;  // wei, of a transaction of this swap alone; nothing: not known
};

Result<std::uint32_t> find_pool(const Topology& topology, std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  for (std::uint32_t i = 0; i < topology.pools.size(); ++i) {
    if (address_text(topology.pools[i].address) == text) return i;
  }
  return fail(ErrorKind::not_found,
              fmt::format("pool `{}` is not in the market; it is named by its address", text));
}

// The pool's other token, when there is but one.
Result<std::uint32_t> other_token(const Topology& topology, const PoolInfo& pool,
                                  std::uint32_t token_in, const std::string& text) {
  std::vector<std::uint32_t> others;
  std::ranges::copy_if(pool.tokens, std::back_inserter(others),
                       [&](std::uint32_t token) { return token != token_in; });
  if (text.empty() && others.size() == 1) return others.front();
  if (text.empty()) {
    return fail(ErrorKind::usage, "the pool has more than two tokens: say which with --out");
  }
  return find_token(topology, text, others);
}

std::string why_not(gantry_status status, const PoolInfo& pool) {
  if (pool.use != PoolUse::usable) {
    return fmt::format("the pool takes no part: {}",
                       pool.refusal.empty() ? to_string(pool.use) : pool.refusal);
  }
  switch (status) {
    case GANTRY_NO_LIQUIDITY:
      return "the pool cannot pay that much, or pays nothing";
    case GANTRY_OUT_OF_RANGE:
      return "the amount is more than the chain can count";
    case GANTRY_NEED_STATE:
      return "the pool, as far as its venue reads it, does not hold that much";
    case GANTRY_UNSUPPORTED:
      return "the venue does not quote this";
    default:
      return fmt::format("the venue answered {}", status_name(status));
  }
}

// For an amount of digits alone, which may have been meant otherwise.
std::string hint_of_units(const std::string& text, const TokenInfo& token) {
  if (text.find_first_not_of("0123456789") != std::string::npos || token.decimals == 0) return {};
  return fmt::format(
      "; the amount was taken as {} of the smallest units of {}: write {}.0 for "
      "whole tokens",
      text, short_symbol(token.symbol), text);
}

// What the chain charges besides the gas price for a transaction of this swap alone.
std::optional<u256> data_fee(const QuotedMarket& market, const MarketView& view,
                             const Answer& found) {
  gantry_opportunity trade{};
  trade.leg_count = 1;
  trade.token_in = found.token_in;
  trade.token_out = found.token_out;
  trade.amount_in = found.quote.amount_in;
  trade.amount_out = found.quote.amount_out;
  trade.gas = found.quote.gas;
  trade.legs[0] = {{found.pool, found.token_in, found.token_out, 0},
                   found.quote.amount_in,
                   found.quote.amount_out};
  u256 wei;
  if (!data_fee_of(view, trade, sender_of(market.configuration), nullptr, wei)) return {};
  return wei;
}

Result<Answer> answer(const QuotedMarket& market, const Options& options) {
  const Topology& topology = *market.snapshot->topology;
  Answer out;
  const auto pool = find_pool(topology, options.pool);
  if (!pool) return std::unexpected(pool.error());
  out.pool = *pool;
  const PoolInfo& info = topology.pools[*pool];
  const auto token_in = find_token(topology, options.token_in, info.tokens);
  if (!token_in) return std::unexpected(token_in.error());
  const auto token_out = other_token(topology, info, *token_in, options.token_out);
  if (!token_out) return std::unexpected(token_out.error());
  out.token_in = *token_in;
  out.token_out = *token_out;
  const std::uint32_t of = options.exact_out ? out.token_out : out.token_in;
  const auto amount = parse_amount_of(options.amount, topology.tokens[of]);
  if (!amount) return std::unexpected(amount.error());

  MarketView view;
  view.bind(*market.snapshot, {}, true);
  gantry_swap swap{};
  swap.amount = *amount;
  swap.token_in = info.index_of(out.token_in);
  swap.token_out = info.index_of(out.token_out);
  swap.mode = options.exact_out ? GANTRY_EXACT_OUT : GANTRY_EXACT_IN;
  swap.wants = GANTRY_WANT_IMPACT;
  const gantry_status status = view.quote(*pool, swap, out.quote);
  if (status != GANTRY_OK) {
    return fail(ErrorKind::not_found,
                fmt::format("no quote: {}{}", why_not(status, info),
                            status == GANTRY_NO_LIQUIDITY && info.use == PoolUse::usable
                                ? hint_of_units(options.amount, topology.tokens[of])
                                : ""));
  }
  out.data_fee = data_fee(market, view, out);
  return out;
}

std::string time_text(std::uint64_t time_s) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(time_s)));
}

struct Priced {
  std::string units;
  std::string whole;
  std::string symbol;
};
Priced priced(const TokenInfo& token, const gantry_amount& amount) {
  return {to_string(u256(amount)), decimal_text(u256(amount), token.decimals),
          short_symbol(token.symbol)};
}

// Gas at the context's price, in the chain's coin.
std::string gas_cost(const gantry_context& context, std::uint64_t gas) {
  u256 cost;
  if (!mul(u256(gas), u256(context.gas_price), cost)) return "?";
  return decimal_text(cost, 18);
}

json::value quote_json(const QuotedMarket& market, const Answer& found) {
  const Topology& topology = *market.snapshot->topology;
  const gantry_context& context = market.snapshot->context;
  const TokenInfo& in = topology.tokens[found.token_in];
  const TokenInfo& out = topology.tokens[found.token_out];
  const auto amount = [](const TokenInfo& token, const gantry_amount& value) {
    const Priced text = priced(token, value);
    return json::object{{"token", text.symbol},
                        {"address", address_text(token.address)},
                        {"amount", text.whole},
                        {"units", text.units}};
  };
  const PoolInfo& pool = topology.pools[found.pool];
  json::object told{{"pool", address_text(pool.address)},
                    {"venue", printable(topology.venue_of(pool).name())},
                    {"in", amount(in, found.quote.amount_in)},
                    {"out", amount(out, found.quote.amount_out)},
                    {"fee", amount(found.quote.fee_on_out != 0 ? out : in, found.quote.fee)},
                    {"price_impact", found.quote.price_impact},
                    {"gas", found.quote.gas},
                    {"gas_cost_native", gas_cost(context, found.quote.gas)},
                    {"block", context.state_block},
                    {"time_s", context.state_time_s}};
  if (market.snapshot->data_fee.rule != DataFeeRule::none) {
    told["data_fee_native"] =
        found.data_fee ? json::value(decimal_text(*found.data_fee, 18)) : json::value(nullptr);
  }
  return told;
}

std::string quote_text(const QuotedMarket& market, const Answer& found, const Style& style) {
  const Topology& topology = *market.snapshot->topology;
  const gantry_context& context = market.snapshot->context;
  const PoolInfo& pool = topology.pools[found.pool];
  const TokenInfo& in = topology.tokens[found.token_in];
  const TokenInfo& out = topology.tokens[found.token_out];
  std::string text;
  const auto line = [&](std::string_view name, const std::string& value) {
    text += style(Ink::dim, fmt::format("  {:<8}", name)) + cut_to(printable(value), 88) + "\n";
  };
  const auto amount = [](const TokenInfo& token, const gantry_amount& value) {
    const Priced shown = priced(token, value);
    return fmt::format("{} {}  ({} units)", shown.whole, shown.symbol, shown.units);
  };
  line("pool", fmt::format("{}  {}", address_text(pool.address), topology.venue_of(pool).name()));
  line("in", amount(in, found.quote.amount_in));
  line("out", amount(out, found.quote.amount_out));
  line("fee", amount(found.quote.fee_on_out != 0 ? out : in, found.quote.fee));
  line("impact", fmt::format("{} %", short_number(found.quote.price_impact * 100, 4)));
  line("gas", fmt::format("{}, {} of the chain's coin", counted(found.quote.gas, "unit"),
                          gas_cost(context, found.quote.gas)));
  if (market.snapshot->data_fee.rule != DataFeeRule::none) {
    line("data fee",
         found.data_fee ? fmt::format("{} of the chain's coin, of a transaction of this swap alone",
                                      decimal_text(*found.data_fee, 18))
                        : "not known: the chain does not say its prices, or the venue cannot build "
                          "the swap");
  }
  line("block", fmt::format("{}, {}", context.state_block, time_text(context.state_time_s)));
  return text;
}

// A chain is asked where one is named, or where nothing is recorded.
bool is_live(const Configuration& configuration, const Options& options) {
  if (!options.chain.empty() || !options.tokens.empty()) return true;
  return configuration.market.recording.empty() &&
         std::ranges::any_of(configuration.chains,
                             [](const ChainSettings& chain) { return !chain.providers.empty(); });
}

ExitCode quote(const Session& session, const Options& options) {
  auto loaded = load(session, options.as_json, Warnings::logged);
  if (!loaded) return ExitCode::usage;
  const bool live = is_live(loaded->configuration, options);
  if (!live && !options.dex.empty()) {
    return report_error({ErrorKind::usage,
                         "--dex is for a pool of a chain, and the market is recorded: leave it "
                         "out, or name the chain with --chain"});
  }
  auto guarded = guard_plugins(
      session, loaded->configuration.plugin, Obey::all,
      live ? std::string("gantry quote of a chain")
           : fmt::format("gantry quote on {}", loaded->configuration.market.recording.string()));
  if (!guarded) return report_error(guarded.error());
  guarded->record.not_loaded = nullptr;  // it is not a run
  const LiveQuestion question{options.pool, options.chain, options.dex, options.tokens,
                              options.block};
  const auto market =
      live ? open_live_market(session, std::move(loaded->configuration), question, guarded->record)
           : open_market(std::move(loaded->configuration), options.block, guarded->record);
  if (!market) return report_error(market.error());
  const auto found = answer(**market, options);
  if (!found) return report_error(found.error());
  print(options.as_json ? json_text(quote_json(**market, *found))
                        : quote_text(**market, *found, Style(session.colour_out)));
  if ((*market)->damage.empty()) return ExitCode::done;
  return report_error({ErrorKind::format, "the recording is damaged: " + (*market)->damage});
}

}  // namespace

void add_quote(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(
      app, "quote", "Quote one swap exactly, on one pool of the recorded market or of a chain",
      "quote --pool 0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc --in WETH --amount 1.5");
  command->add_option("--pool", options->pool, "Its address")->required()->type_name("ADDRESS");
  command->add_option("--in", options->token_in, "What goes in: symbol or address")
      ->required()
      ->type_name("TOKEN");
  command
      ->add_option("--out", options->token_out, "What comes out, where the pool has more than two")
      ->type_name("TOKEN");
  command
      ->add_option("--amount", options->amount,
                   "Smallest units, or whole units with a decimal point or a symbol: 1500000, 1.5, "
                   "\"2 WETH\"")
      ->required()
      ->type_name("N");
  command
      ->add_option("--chain", options->chain,
                   "Read the pool from this chain: its id, name or number; the first that has "
                   "providers where no market is recorded")
      ->type_name("CHAIN");
  command
      ->add_option("--dex", options->dex,
                   "Of a chain: the [[dex]] that the pool is of, where it is not listed")
      ->type_name("NAME");
  command
      ->add_option("--tokens", options->tokens,
                   "Of a chain: the pool's tokens in the contract's order, where it does not say "
                   "them itself")
      ->delimiter(',')
      ->type_name("ADDRESS");
  command->add_flag("--exact-out", options->exact_out, "The amount is what comes out");
  add_whole_number(*command, "--block", "As of that block; the last one by default",
                   {0, std::numeric_limits<std::uint64_t>::max()}, options->block)
      ->type_name("B");
  command->add_flag("--json", options->as_json, "For a program to read");
  command->callback(
      [&line, options] { line.chosen = [&, options] { return quote(line.session, *options); }; });
}

}  // namespace gantry::host::cli
