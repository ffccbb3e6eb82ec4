#include "host/ledger/trail.hpp"

#include <botan/hash.h>
#include <botan/hex.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "host/bundle/disk.hpp"

namespace gantry::host::ledger {
namespace {

constexpr std::string_view row_word = "gantry.audit/1";
constexpr std::string_view signed_row_word = "gantry.audit.row/1";
constexpr std::string_view signed_head_word = "gantry.audit.head/1";
constexpr std::string_view head_word = "gantry-ledger-head 1 ";
constexpr std::size_t head_slot_bytes = 256;
constexpr std::size_t head_slots = 2;

std::array<std::uint8_t, 8> eight_bytes(std::int64_t number) {
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(number) >> (56 - 8 * i));
  }
  return bytes;
}

std::vector<std::uint8_t> to_be_signed(std::string_view word, std::int64_t sequence,
                                       const Hash& hash) {
  std::vector<std::uint8_t> out(word.begin(), word.end());
  const auto number = eight_bytes(sequence);
  out.insert(out.end(), number.begin(), number.end());
  out.insert(out.end(), hash.begin(), hash.end());
  return out;
}

template <std::size_t size>
bool decode_hex(std::string_view text, std::array<std::uint8_t, size>& out) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() != 2 * size || !std::ranges::all_of(text, is_digit)) return false;
  const auto bytes = Botan::hex_decode(std::string(text));
  std::ranges::copy(bytes, out.begin());
  return true;
}

// "gantry-ledger-head 1 NUMBER HASH SIGNATURE", padded with spaces.
std::optional<TrailHead> parse_slot(std::string_view slot, const PublicKey& key) {
  if (!slot.starts_with(head_word)) return std::nullopt;
  slot.remove_prefix(head_word.size());
  TrailHead head;
  const auto [end, error] = std::from_chars(slot.data(), slot.data() + slot.size(), head.sequence);
  if (error != std::errc() || head.sequence < 1) return std::nullopt;
  slot.remove_prefix(static_cast<std::size_t>(end - slot.data()));
  constexpr std::size_t hash_digits = 64;
  constexpr std::size_t signature_digits = 128;
  if (slot.size() < 2 + hash_digits + signature_digits || slot[0] != ' ' ||
      slot[1 + hash_digits] != ' ' || !decode_hex(slot.substr(1, hash_digits), head.hash) ||
      !decode_hex(slot.substr(2 + hash_digits, signature_digits), head.signature)) {
    return std::nullopt;
  }
  if (!key.verifies(signed_of_head(head.sequence, head.hash), head.signature)) return std::nullopt;
  return head;
}

}  // namespace

std::string_view to_string(AuditKind kind) {
  switch (kind) {
    case AuditKind::opened:
      return "opened";
    case AuditKind::lane:
      return "lane";
    case AuditKind::intent:
      return "intent";
    case AuditKind::attempt:
      return "attempt";
    case AuditKind::moved:
      return "moved";
    case AuditKind::result:
      return "result";
    case AuditKind::realised:
      return "realised";
    case AuditKind::final:
      return "final";
    case AuditKind::left_open:
      return "left_open";
    case AuditKind::operator_command:
      return "operator_command";
    case AuditKind::breaker:
      return "breaker";
    case AuditKind::configuration:
      return "configuration";
    case AuditKind::taken_back:
      return "taken_back";
  }
  return "unknown";
}

Hash hash_of(const AuditRow& row, const Hash& hash_before,
             const std::optional<Signature>& signature_before) {
  const auto hash = Botan::HashFunction::create_or_throw("SHA-256");
  const Signature signature = signature_before.value_or(Signature{});
  hash->update(reinterpret_cast<const std::uint8_t*>(row_word.data()), row_word.size());
  hash->update(hash_before.data(), hash_before.size());
  hash->update(signature.data(), signature.size());
  for (const std::int64_t number : {row.sequence, row.time_ms, static_cast<std::int64_t>(row.kind),
                                    static_cast<std::int64_t>(row.facts.size())}) {
    const auto bytes = eight_bytes(number);
    hash->update(bytes.data(), bytes.size());
  }
  hash->update(reinterpret_cast<const std::uint8_t*>(row.facts.data()), row.facts.size());
  Hash out{};
  hash->final(out.data());
  return out;
}

std::vector<std::uint8_t> signed_of_row(std::int64_t sequence, const Hash& hash) {
  return to_be_signed(signed_row_word, sequence, hash);
}
std::vector<std::uint8_t> signed_of_head(std::int64_t sequence, const Hash& hash) {
  return to_be_signed(signed_head_word, sequence, hash);
}

std::filesystem::path head_file(const std::filesystem::path& ledger) {
  return ledger.string() + ".head";
}

Result<TrailHead> read_head(const std::filesystem::path& path, const PublicKey& key) {
  const auto text = bundle::read_text_file(path, 2 * head_slots * head_slot_bytes);
  if (!text) return std::unexpected(text.error());
  std::optional<TrailHead> best;
  for (std::size_t slot = 0; slot < head_slots; ++slot) {
    const std::size_t at = slot * head_slot_bytes;
    if (at >= text->size()) break;
    const auto head = parse_slot(std::string_view(*text).substr(at, head_slot_bytes), key);
    if (head && (!best || head->sequence > best->sequence)) best = head;
  }
  if (best) return *best;
  return fail(ErrorKind::format,
              fmt::format("{}: holds no head that this ledger's key has signed", path.string()));
}

Result<Trail> Trail::open(Connection& connection, SigningKey key) {
  Trail trail(connection, std::move(key));
  const auto last = connection.query(
      "SELECT sequence, hash, signature FROM audit ORDER BY sequence DESC LIMIT 1");
  if (!last) return std::unexpected(last.error());
  const auto row = (*last)->step();
  if (!row) return std::unexpected(row.error());
  if (*row) {
    trail.head_ = {(*last)->number(0), (*last)->bytes<32>(1), {}};
    if (!(*last)->is_null(2)) trail.signature_ = (*last)->bytes<64>(2);
  }
  (*last)->reset();
  // A trail that ends before its head was cut: to go on would make that look whole.
  const auto path = head_file(connection.path());
  const auto head = read_head(path, trail.public_key());
  if (head && head->sequence > trail.head_.sequence) {
    return fail(ErrorKind::format,
                fmt::format("{}: its audit trail ends at row {}, and {} says that it had {}: rows "
                            "were cut off. Restore the ledger from a copy",
                            connection.path().string(), trail.head_.sequence, path.string(),
                            head->sequence));
  }
  if (!head) {
    trail.head_found_ = trail.head_.sequence == 0 ? "agrees" : "missing";
  } else if (head->sequence < trail.head_.sequence) {
    trail.head_found_ = "older";
  }
  trail.head_file_ =
      Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (trail.head_file_.get() < 0) {
    return fail(ErrorKind::io,
                fmt::format("{}: cannot be written: {}", path.string(), std::strerror(errno)));
  }
  return trail;
}

void Trail::add(AuditKind kind, std::int64_t time_ms, std::string facts) {
  pending_.push_back({.time_ms = time_ms, .kind = kind, .facts = std::move(facts)});
}

Status Trail::write() {
  next_head_ = head_;
  next_signature_ = signature_;
  for (AuditRow& row : pending_) {
    row.sequence = next_head_.sequence + 1;
    row.hash = hash_of(row, next_head_.hash, next_signature_);
    if (&row == &pending_.back()) row.signature = key_.sign(signed_of_row(row.sequence, row.hash));
    next_head_.sequence = row.sequence;
    next_head_.hash = row.hash;
    next_signature_ = row.signature;
    auto done = connection_->execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", row.sequence,
                                     row.time_ms, static_cast<std::int64_t>(row.kind), row.facts,
                                     row.hash, row.signature);
    if (!done) return done;
  }
  return {};
}

void Trail::committed() {
  if (pending_.empty()) return;
  pending_.clear();
  head_ = next_head_;
  signature_ = next_signature_;
  head_.signature = key_.sign(signed_of_head(head_.sequence, head_.hash));
  write_head();
}

void Trail::write_head() {
  std::string slot = fmt::format(
      "{}{} {} {}", head_word, head_.sequence, Botan::hex_encode(head_.hash.data(), 32, false),
      Botan::hex_encode(head_.signature.data(), head_.signature.size(), false));
  slot.resize(head_slot_bytes - 1, ' ');
  slot += '\n';
  const auto at = static_cast<off_t>(slot_ * head_slot_bytes);
  slot_ = (slot_ + 1) % head_slots;
  const bool written =
      ::pwrite(head_file_.get(), slot.data(), slot.size(), at) == static_cast<ssize_t>(slot.size());
  if (!written && !head_failed_) {
    spdlog::warn(
        "{}: cannot be written: {}; rows that are cut off the trail are not noticed until "
        "it can",
        head_file(connection_->path()).string(), std::strerror(errno));
  }
  head_failed_ = !written;
}

}  // namespace gantry::host::ledger
