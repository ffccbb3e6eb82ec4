// The street's input: one BlockInput for each block, in the order in which they came.
#pragma once
#include <optional>
#include <string>

#include "host/market/market_state.hpp"
#include "host/recording/records.hpp"

namespace gantry::host {

class Feed {
 public:
  virtual ~Feed() = default;
  // Which chain, and where its blocks come from. [any thread]
  virtual const recording::Header& header() const = 0;
  // Waits for the next block with all that belongs to it; nothing at the end. [feed]
  virtual std::optional<BlockInput> next() = 0;
  // Why it ended too early; empty: it did not. [feed]
  virtual const std::string& damage() const noexcept = 0;
  // What its blocks were compiled by; null: they bring facts. [any thread]
  virtual const recording::Compiled* compiled() const noexcept { return nullptr; }
  // next() returns soon. [any thread]
  virtual void stop() noexcept {}

 protected:
  Feed() = default;
  Feed(const Feed&) = default;
  Feed(Feed&&) = default;
  Feed& operator=(const Feed&) = default;
  Feed& operator=(Feed&&) = default;
};

}  // namespace gantry::host
