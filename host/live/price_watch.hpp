// Prices from outside the chain: asks each source of the configuration over and over, in a thread
// of its own, and keeps the newest answer of each until it is taken.
//
// TIME     A price is of the moment at which it was asked for, by the machine's clock: it may be
//          younger, never older.
// ERRORS   None: a source that does not answer, or with what is no price, tells nothing; the log
//          says so once, and when it answers again.
// THREADS  drain() and counts() from any.
#pragma once
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "host/config/settings.hpp"
#include "host/market/outside_prices.hpp"
#include "host/ports/http.hpp"

namespace gantry::host {

struct PriceCounts {
  std::uint64_t asked = 0;
  std::uint64_t told = 0;    // new prices
  std::uint64_t failed = 0;  // no answer, or no price in it
};

class PriceWatch {
 public:
  // Fails with `configuration`: a variable of a url is not set, or it is neither https nor on this
  // machine. The pool and the environment outlive it.
  static Result<std::shared_ptr<PriceWatch>> make(const ChainSettings& chain, HttpPool& http,
                                                  const Environment& environment);
  PriceWatch(const PriceWatch&) = delete;
  PriceWatch& operator=(const PriceWatch&) = delete;
  ~PriceWatch();

  // Nothing more is asked: from here on the pool may end, whoever still holds this.
  void stop();
  // What is new of each source since the last call, in the order of the configuration.
  std::vector<OutsidePrice> drain();
  PriceCounts counts() const;

 private:
  struct Source;
  struct Answers;  // shared with the pool's thread, which may be late
  PriceWatch(std::string chain, HttpPool& http);
  void run(const std::stop_token& stop);
  void ask(std::size_t index);
  void take(Source& source, const HttpOutcome& outcome);
  void failed(Source& source, const std::string& why);

  std::string chain_;
  HttpPool& http_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::shared_ptr<Answers> answers_;
  mutable std::mutex mutex_;  // guards counts_ and what is fresh of the sources
  PriceCounts counts_;
  std::jthread thread_;  // the last: it uses the others
};

// What an answer says; nothing: no bid or ask is there, as a number or a text that is one, or they
// cannot be prices.
std::optional<OutsidePrice> parse_price(const PriceSettings& settings, std::string_view body);

}  // namespace gantry::host
