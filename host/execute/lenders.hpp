// Who can lend how much of a token for one transaction, and what that costs; the executor's own
// holdings come first, for they cost nothing.
//
// UNITS    Amounts in the token's smallest unit, gas in gas.
// THREADS  One at a time.
// ERRORS   As host/live/chain_text.hpp's ask(). A lender that answers with what is no lender's
//          answer lends nothing, and is named once in the log.
// SOURCE   Aave V3's Pool and ReserveConfiguration, Balancer's Vault and ProtocolFeesCollector,
//          Uniswap's pairs and pools, Solo Margin: their published sources.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "host/config/settings.hpp"
#include "host/plan/flash_loan.hpp"
#include "host/plan/route.hpp"
#include "host/provider/providers.hpp"

namespace gantry::host {

// What a trade begins with.
struct Funding {
  std::optional<executor::FlashLoan> loan;  // none: the executor's own
  std::uint64_t gas = 0;                    // that it takes besides the trade
};

class Lenders {
 public:
  // `lenders` and the executor are of one chain.
  Lenders(std::vector<LenderSettings> lenders, const gantry_address& executor)
      : settings_(std::move(lenders)), executor_(executor) {}

  // Reads what all have of the tokens that were asked for so far, at this block, in one batch.
  Status read(Providers& providers, const Head& head);
  // What another one has read of the tokens that both know; tokens that only it knows too.
  void take(const Lenders& other);
  // Makes sure that read() knows this token; true: it does not yet.
  bool want(const gantry_address& token);
  bool knows(const gantry_address& token) const;

  // What the executor holds, of each token that was asked for.
  std::vector<std::pair<gantry_address, u256>> own() const;
  u256 own_of(const gantry_address& token) const;

  struct Price {
    u256 gas_price;  // wei
    u256 token;      // so much of the token
    u256 wei;        // is worth so much
  };
  // The cheapest for so much of the route's first token, as of the last read(): its fee and its gas
  // together. A pool of the route cannot lend, and Balancer's V2 vault cannot where it is called.
  // Of the executor's own, `spoken_for` is not there. nullopt: nobody has it.
  std::optional<Funding> cheapest(const TradeRoute& route, const u256& amount, const Price& price,
                                  const u256& spoken_for = {}) const;

 private:
  // One lender and one token: what does not change, and what it has.
  struct Book {
    bool asked = false;  // what does not change is known
    bool lends = false;
    gantry_address holder{};  // whose balance it is
    u256 fee_parts;           // of `fee_whole`, rounded as the kind does
    bool token_is_0 = true;
    std::uint32_t market = 0;
    u256 has;
  };
  struct TokenBooks {
    gantry_address token{};
    u256 own;                 // the executor's
    std::vector<Book> books;  // one for each lender
  };

  Status learn(Providers& providers, const Head& head, TokenBooks& token);
  void take_facts(const LenderSettings& lender, const gantry_address& token,
                  std::span<const RpcAnswer> answers, Book& book);
  u256 fee_of(const LenderSettings& lender, const Book& book, const u256& amount) const;

  std::vector<LenderSettings> settings_;
  gantry_address executor_;
  std::vector<TokenBooks> tokens_;
};

}  // namespace gantry::host
