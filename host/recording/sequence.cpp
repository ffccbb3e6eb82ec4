#include <fmt/format.h>
#include <lzma.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "host/recording/codec.hpp"

namespace gantry::host::recording {
namespace {

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7E; });
}

Status check_text(const char* what, std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) {
    return fail(ErrorKind::limit,
                fmt::format("{} has {} bytes, the bound is {}", what, text.size(), bytes_max));
  }
  if (!printable(text)) {
    return fail(ErrorKind::internal, fmt::format("{} is not printable ASCII", what));
  }
  return {};
}

Status check_size(const char* what, std::size_t size, std::size_t size_max) {
  if (size <= size_max) return {};
  return fail(ErrorKind::limit,
              fmt::format("{}: {} is above the bound of {}", what, size, size_max));
}

Status check_address(const gantry_address& address) {
  constexpr std::uint8_t lengths[] = {0, 20, 32, 0, 32};  // by kind
  const bool known = address.kind < std::size(lengths);
  bool clean = known && address.length == lengths[address.kind];
  for (std::size_t i = address.length; clean && i < sizeof address.bytes; ++i) {
    clean = address.bytes[i] == 0;
  }
  for (const std::uint8_t byte : address.reserved) clean = clean && byte == 0;
  if (clean) return {};
  return fail(ErrorKind::internal, fmt::format("an address of kind {} and length {} cannot be",
                                               address.kind, address.length));
}

}  // namespace

struct Sequence::Checker {
  const Sequence& so_far;

  Status operator()(const Header& header) const {
    if (so_far.records_ != 0) return fail(ErrorKind::internal, "there is a second header");
    if (header.version != format_version) {
      return fail(ErrorKind::internal, fmt::format("the header says version {}, this is {}",
                                                   header.version, format_version));
    }
    if (header.chain.empty()) return fail(ErrorKind::internal, "the header names no chain");
    if (auto ok = check_text("the chain", header.chain, text_bytes_max); !ok) return ok;
    if (auto ok = check_text("the creator", header.creator, text_bytes_max); !ok) return ok;
    return check_text("the provenance", header.provenance, provenance_bytes_max);
  }

  Status operator()(const Token& token) const {
    if (auto ok = check_size("tokens", so_far.counts_.tokens + 1, tokens_max); !ok) return ok;
    if (auto ok = check_text("a symbol", token.symbol, text_bytes_max); !ok) return ok;
    return check_address(token.address);
  }

  Status operator()(const Pool& pool) const {
    if (auto ok = check_size("pools", so_far.pools_.size() + 1, pools_max); !ok) return ok;
    if (auto ok = check_text("a venue", pool.venue, text_bytes_max); !ok) return ok;
    if (auto ok = check_size("a pool's tokens", pool.tokens.size(), pool_tokens_max); !ok)
      return ok;
    if (auto ok = check_size("a pool's spec", pool.spec.size(), spec_bytes_max); !ok) return ok;
    for (const std::uint32_t token : pool.tokens) {
      if (token >= so_far.counts_.tokens) {
        return fail(ErrorKind::internal,
                    fmt::format("pool {} has token {}, but there are only {}", so_far.pools_.size(),
                                token, so_far.counts_.tokens));
      }
    }
    return check_address(pool.address);
  }

  Status operator()(const Block&) const { return {}; }

  Status operator()(const Fact& fact) const {
    if (!so_far.open_block_) return fail(ErrorKind::internal, "a fact comes before any block");
    if (so_far.compiled_ && fact.pool != no_pool) {
      return fail(ErrorKind::internal, "a compiled recording has a fact of a pool");
    }
    const auto kind = static_cast<std::int32_t>(fact.kind);
    if (kind < static_cast<std::int32_t>(FactKind::evm_call) ||
        kind > static_cast<std::int32_t>(FactKind::evm_code_hash)) {
      return fail(ErrorKind::internal, fmt::format("a fact has the unknown kind {}", kind));
    }
    if (fact.status != GANTRY_OK && fact.status != GANTRY_REFUSED) {
      return fail(ErrorKind::internal, fmt::format("a fact has the status {}", fact.status));
    }
    if (fact.pool != no_pool && fact.pool >= so_far.pools_.size()) {
      return fail(ErrorKind::internal, fmt::format("a fact is of pool {}, but there are only {}",
                                                   fact.pool, so_far.pools_.size()));
    }
    if (fact.topics.size() % 32 != 0) {
      return fail(ErrorKind::internal, "a log's topics are not whole words");
    }
    if (auto ok = check_size("topics", fact.topics.size() / 32, topics_max); !ok) return ok;
    if (auto ok = check_size("a fact's bytes", fact.data.size(), fact_bytes_max); !ok) return ok;
    return check_address(fact.source);
  }

  Status operator()(const Event& event) const {
    return check_size("an event's bytes", event.payload.size(), payload_bytes_max);
  }

  Status operator()(const Decision& decision) const {
    const auto kind = static_cast<std::int32_t>(decision.kind);
    if (kind < static_cast<std::int32_t>(DecisionKind::delivered) ||
        kind > static_cast<std::int32_t>(DecisionKind::fill)) {
      return fail(ErrorKind::internal, fmt::format("a decision has the unknown kind {}", kind));
    }
    return check_size("a decision's bytes", decision.payload.size(), payload_bytes_max);
  }

  Status operator()(const Compiled& compiled) const {
    if (so_far.records_ != 1) {
      return fail(ErrorKind::internal, "what it was compiled from stands not behind the header");
    }
    if (compiled.version != compiled_version) {
      return fail(ErrorKind::internal,
                  fmt::format("it was compiled in version {}, and this gantry reads version {}: "
                              "compile its source again",
                              compiled.version, compiled_version));
    }
    if (compiled.source.size() != 32) {
      return fail(ErrorKind::internal,
                  fmt::format("the source's SHA-256 has {} bytes", compiled.source.size()));
    }
    return check_size("the venues' bytes", compiled.venues.size(), compiled_by_bytes_max);
  }

  Status operator()(const Changes& changes) const {
    if (changes.check > ~std::uint32_t{0}) {
      return fail(ErrorKind::internal, "the sum of changes has more than 32 bits");
    }
    if (!so_far.compiled_) {
      return fail(ErrorKind::internal, "changes stand in a recording that is not compiled");
    }
    if (so_far.open_block_) return {};
    return fail(ErrorKind::internal, "changes come before any block");
  }

  Status operator()(const End& end) const {
    const End now = so_far.end();
    if (end.tokens == now.tokens && end.pools == now.pools && end.blocks == now.blocks &&
        end.facts == now.facts && end.events == now.events && end.decisions == now.decisions &&
        end.digest == now.digest) {
      return {};
    }
    return fail(ErrorKind::internal, "the end's counts or digest do not match the records");
  }
};

Status Sequence::check(const Record& record) const {
  if (ended_) return fail(ErrorKind::internal, "a record follows the end");
  if (records_ == 0 && !std::holds_alternative<Header>(record)) {
    return fail(ErrorKind::internal, "the first record is not the header");
  }
  return std::visit(Checker{*this}, record);
}

void Sequence::add(const Record& record, ByteView encoded) {
  ++records_;
  if (std::holds_alternative<Compiled>(record)) compiled_ = true;
  if (std::holds_alternative<End>(record)) {
    ended_ = true;
    return;
  }
  digest(encoded);
  if (std::holds_alternative<Token>(record)) ++counts_.tokens;
  if (std::holds_alternative<Fact>(record)) ++counts_.facts;
  if (std::holds_alternative<Event>(record)) ++counts_.events;
  if (std::holds_alternative<Decision>(record)) ++counts_.decisions;
  if (const auto* pool = std::get_if<Pool>(&record)) {
    ++counts_.pools;
    pools_.push_back(pool->address);
  }
  if (const auto* block = std::get_if<Block>(&record)) {
    ++counts_.blocks;
    open_block_ = block->number;
    block_before_ = std::exchange(last_block_, *block);
  }
}

void Sequence::digest(ByteView encoded) {
  digest_ = lzma_crc64(encoded.data(), encoded.size(), digest_);
}

void Sequence::add_unknown(ByteView encoded) {
  ++records_;
  digest(encoded);
}

End Sequence::end() const {
  End end = counts_;
  end.digest = digest_;
  return end;
}

}  // namespace gantry::host::recording
