#include "host/recording/codec.hpp"

#include <fmt/format.h>

#include <cstring>

namespace gantry::host::recording {
namespace {

// How a fact says where it came from: nearly all come from their pool's own address.
enum SourceForm : std::uint8_t { source_is_pool = 1, source_written = 2 };

// In a step, of a block.
enum StepMarks : std::uint8_t { fee_differs = 1, has_price = 2, price_differs = 4, step_marks = 7 };

constexpr std::size_t amount_bytes = 32;

// Small where it is near zero, on either side.
std::uint64_t zigzag(std::uint64_t difference) {
  return (difference << 1U) ^ (0 - (difference >> 63U));
}
std::uint64_t from_zigzag(std::uint64_t value) { return (value >> 1U) ^ (0 - (value & 1U)); }

bool same(const gantry_amount& a, const gantry_amount& b) {
  return std::memcmp(&a, &b, sizeof(a)) == 0;
}

class Encoder {
 public:
  explicit Encoder(Bytes& out) : out_(&out) {}

  template <class Word>
  void word(Word value) {
    const std::size_t at = out_->size();
    out_->resize(at + sizeof(Word));
    store_word(value, out_->data() + at);
  }
  void amount(const gantry_amount& value) {
    for (const std::uint64_t limb : value.limb) word(limb);
  }
  // As many bytes as it has.
  void short_amount(const gantry_amount& value) {
    std::uint8_t bytes[amount_bytes];
    for (std::size_t i = 0; i < 4; ++i) store_word(value.limb[i], bytes + 8 * i);
    std::size_t size = amount_bytes;
    while (size != 0 && bytes[size - 1] == 0) --size;
    word(static_cast<std::uint8_t>(size));
    raw(ByteView(bytes, size));
  }
  void number(std::uint64_t value) { write_number(value, *out_); }
  void address(const gantry_address& value) {
    word(value.kind);
    raw(ByteView(value.bytes, value.length));
  }
  void bytes(ByteView value) {
    word(static_cast<std::uint32_t>(value.size()));
    raw(value);
  }
  void text(const std::string& value) {
    word(static_cast<std::uint32_t>(value.size()));
    out_->insert(out_->end(), value.begin(), value.end());
  }

  void raw(ByteView value) { out_->insert(out_->end(), value.begin(), value.end()); }

 private:
  Bytes* out_;
};

bool same(const gantry_address& a, const gantry_address& b) {
  return a.kind == b.kind && std::memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

struct EncodeRecord {
  const Sequence& sequence;
  Encoder to;

  RecordType operator()(const Header& record) {
    to.word(record.version);
    to.text(record.chain);
    to.text(record.provenance);
    to.text(record.creator);
    return RecordType::header;
  }
  RecordType operator()(const Token& record) {
    to.address(record.address);
    to.text(record.symbol);
    to.word(record.decimals);
    return RecordType::token;
  }
  RecordType operator()(const Pool& record) {
    to.text(record.venue);
    to.address(record.address);
    to.word(static_cast<std::uint32_t>(record.tokens.size()));
    for (const std::uint32_t token : record.tokens) to.word(token);
    to.bytes(record.spec);
    return RecordType::pool;
  }
  RecordType operator()(const Block& record) {
    to.word(record.number);
    to.word(record.time_s);
    to.amount(record.base_fee);
    to.word(static_cast<std::uint8_t>(record.gas_price ? 1 : 0));
    if (record.gas_price) to.amount(*record.gas_price);
    return RecordType::block;
  }
  RecordType operator()(const Fact& record) {
    to.word(record.pool);
    to.word(static_cast<std::uint32_t>(record.kind));
    to.word(record.tag);
    to.word(record.log_index);
    to.word(static_cast<std::uint32_t>(record.status));
    const bool is_pool =
        record.pool != no_pool && same(record.source, sequence.pool_addresses()[record.pool]);
    to.word(static_cast<std::uint8_t>(is_pool ? source_is_pool : source_written));
    if (!is_pool) to.address(record.source);
    to.bytes(record.topics);
    to.bytes(record.data);
    return RecordType::fact;
  }
  RecordType operator()(const Event& record) {
    to.word(static_cast<std::uint32_t>(record.kind));
    to.bytes(record.payload);
    return RecordType::event;
  }
  RecordType operator()(const Decision& record) {
    to.word(static_cast<std::uint32_t>(record.kind));
    to.word(record.strategy);
    to.word(record.snapshot);
    to.bytes(record.payload);
    return RecordType::decision;
  }
  RecordType operator()(const End& record) {
    for (const std::uint64_t count : {record.tokens, record.pools, record.blocks, record.facts,
                                      record.events, record.decisions, record.digest}) {
      to.word(count);
    }
    return RecordType::end;
  }
  RecordType operator()(const Compiled& record) {
    to.word(record.version);
    to.bytes(record.source);
    to.text(record.venues);
    return RecordType::compiled;
  }
  RecordType operator()(const Changes& record) {
    to.word(record.facts);
    to.word(static_cast<std::uint32_t>(record.check));
    to.bytes(record.bytes);
    return RecordType::changes;
  }
};

// Reads until the first thing that is not there; after that everything is zero and `good` is false.
class Decoder {
 public:
  explicit Decoder(ByteView bytes) : bytes_(bytes) {}

  template <class Word>
  Word word() {
    const ByteView at = take(sizeof(Word));
    return at.empty() ? Word{0} : load_word<Word>(at.data());
  }
  gantry_amount amount() {
    gantry_amount value{};
    for (std::uint64_t& limb : value.limb) limb = word<std::uint64_t>();
    return value;
  }
  gantry_amount short_amount() {
    const std::size_t size = word<std::uint8_t>();
    std::uint8_t bytes[amount_bytes] = {};
    const ByteView at = take(size);
    gantry_amount value{};
    if (at.size() > amount_bytes) {
      good_ = false;
      return value;
    }
    std::copy(at.begin(), at.end(), bytes);
    for (std::size_t i = 0; i < 4; ++i) value.limb[i] = load_word<std::uint64_t>(bytes + 8 * i);
    return value;
  }
  std::uint64_t number() {
    const std::uint8_t* at = bytes_.data();
    std::uint64_t value = 0;
    if (!good_ || !read_number(at, bytes_.data() + bytes_.size(), value)) {
      good_ = false;
      return 0;
    }
    bytes_ = bytes_.subspan(static_cast<std::size_t>(at - bytes_.data()));
    return value;
  }
  // All that is left.
  Bytes rest() {
    const ByteView at = take(bytes_.size());
    return Bytes(at.begin(), at.end());
  }
  gantry_address address() {
    constexpr std::uint8_t lengths[] = {0, 20, 32, 0, 32};
    gantry_address value{};
    value.kind = word<std::uint8_t>();
    if (value.kind >= std::size(lengths)) {
      good_ = false;
      return gantry_address{};
    }
    value.length = lengths[value.kind];
    const ByteView at = take(value.length);
    std::copy(at.begin(), at.end(), value.bytes);
    return value;
  }
  Bytes bytes() {
    const ByteView at = take(word<std::uint32_t>());
    return Bytes(at.begin(), at.end());
  }
  std::string text() {
    const ByteView at = take(word<std::uint32_t>());
    return std::string(at.begin(), at.end());
  }
  // A flag is one of two bytes, so that every record has one encoding.
  bool choice(std::uint8_t no, std::uint8_t yes) {
    const auto value = word<std::uint8_t>();
    if (value != no && value != yes) good_ = false;
    return value == yes;
  }
  void refuse() { good_ = false; }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool whole() const { return good_ && bytes_.empty(); }
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }

 private:
  ByteView take(std::size_t size) {
    if (!good_ || size > bytes_.size()) {
      good_ = false;
      return {};
    }
    const ByteView taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }

  ByteView bytes_;
  bool good_ = true;
};

Header decode_header(Decoder& from) {
  Header record;
  record.version = from.word<std::uint32_t>();
  record.chain = from.text();
  record.provenance = from.text();
  record.creator = from.text();
  return record;
}

Token decode_token(Decoder& from) {
  Token record;
  record.address = from.address();
  record.symbol = from.text();
  record.decimals = from.word<std::uint8_t>();
  return record;
}

Pool decode_pool(Decoder& from) {
  Pool record;
  record.venue = from.text();
  record.address = from.address();
  const auto tokens = from.word<std::uint32_t>();
  if (tokens > from.left() / sizeof(std::uint32_t)) {
    from.refuse();
    return record;
  }
  record.tokens.resize(tokens);
  for (std::uint32_t& token : record.tokens) token = from.word<std::uint32_t>();
  record.spec = from.bytes();
  return record;
}

Block decode_block(Decoder& from) {
  Block record;
  record.number = from.word<std::uint64_t>();
  record.time_s = from.word<std::uint64_t>();
  record.base_fee = from.amount();
  if (from.choice(0, 1)) record.gas_price = from.amount();
  return record;
}

Fact decode_fact(Decoder& from, const Sequence& sequence) {
  Fact record;
  record.pool = from.word<std::uint32_t>();
  record.kind = static_cast<FactKind>(from.word<std::uint32_t>());
  record.tag = from.word<std::uint32_t>();
  record.log_index = from.word<std::uint32_t>();
  record.status = static_cast<gantry_status>(from.word<std::uint32_t>());
  const auto& pools = sequence.pool_addresses();
  if (from.choice(source_written, source_is_pool)) {
    if (record.pool < pools.size()) {
      record.source = pools[record.pool];
    } else {
      from.refuse();
    }
  } else {
    record.source = from.address();
  }
  record.topics = from.bytes();
  record.data = from.bytes();
  return record;
}

Event decode_event(Decoder& from) {
  Event record;
  record.kind = static_cast<std::int32_t>(from.word<std::uint32_t>());
  record.payload = from.bytes();
  return record;
}

Decision decode_decision(Decoder& from) {
  Decision record;
  record.kind = static_cast<DecisionKind>(from.word<std::uint32_t>());
  record.strategy = from.word<std::uint32_t>();
  record.snapshot = from.word<std::uint64_t>();
  record.payload = from.bytes();
  return record;
}

End decode_end(Decoder& from) {
  End record;
  for (std::uint64_t* count : {&record.tokens, &record.pools, &record.blocks, &record.facts,
                               &record.events, &record.decisions, &record.digest}) {
    *count = from.word<std::uint64_t>();
  }
  return record;
}

Compiled decode_compiled(Decoder& from) {
  Compiled record;
  record.version = from.word<std::uint32_t>();
  record.source = from.bytes();
  record.venues = from.text();
  return record;
}

Changes decode_changes(Decoder& from) {
  Changes record;
  record.facts = from.word<std::uint32_t>();
  record.check = from.word<std::uint32_t>();
  record.bytes = from.bytes();
  return record;
}

}  // namespace

void encode(const Record& record, const Sequence& sequence, Bytes& out) {
  const std::size_t at = out.size();
  write_record_head(RecordHead{}, out);
  const RecordType type = std::visit(EncodeRecord{sequence, Encoder(out)}, record);
  out[at] = static_cast<std::uint8_t>(type);
  store_word(static_cast<std::uint32_t>(out.size() - at - record_head_bytes), &out[at + 4]);
}

void encode_step(const Block& block, const Changes& changes, const Block& before, Bytes& out) {
  Encoder to(out);
  to.number(zigzag(block.number - before.number));
  to.number(zigzag(block.time_s - before.time_s));
  const gantry_amount price = block.gas_price.value_or(gantry_amount{});
  const gantry_amount price_before = before.gas_price.value_or(gantry_amount{});
  const bool other_fee = !same(block.base_fee, before.base_fee);
  const bool other_price = !same(price, price_before);
  to.word(static_cast<std::uint8_t>((other_fee ? fee_differs : 0) |
                                    (block.gas_price ? has_price : 0) |
                                    (other_price ? price_differs : 0)));
  if (other_fee) to.short_amount(block.base_fee);
  if (other_price) to.short_amount(price);
  to.number(changes.facts);
  to.word(static_cast<std::uint32_t>(changes.check));
  to.raw(changes.bytes);
}

Result<Step> decode_step(ByteView encoded, const Block& before) {
  Decoder from(encoded);
  Step step;
  step.block.number = before.number + from_zigzag(from.number());
  step.block.time_s = before.time_s + from_zigzag(from.number());
  const auto marks = from.word<std::uint8_t>();
  if (marks > step_marks) from.refuse();
  step.block.base_fee = (marks & fee_differs) != 0 ? from.short_amount() : before.base_fee;
  const gantry_amount price = (marks & price_differs) != 0
                                  ? from.short_amount()
                                  : before.gas_price.value_or(gantry_amount{});
  if ((marks & has_price) != 0) step.block.gas_price = price;
  const std::uint64_t facts = from.number();
  if (facts > ~std::uint32_t{0}) from.refuse();
  step.changes.facts = static_cast<std::uint32_t>(facts);
  step.changes.check = from.word<std::uint32_t>();
  step.changes.bytes = from.rest();
  if (from.good()) return step;
  return fail(ErrorKind::format,
              "a record of type 11 is too short for what it announces, or holds "
              "a value that cannot be");
}

Result<Record> decode(RecordType type, ByteView payload, const Sequence& sequence) {
  Decoder from(payload);
  Record record;
  switch (type) {
    case RecordType::header:
      record = decode_header(from);
      break;
    case RecordType::token:
      record = decode_token(from);
      break;
    case RecordType::pool:
      record = decode_pool(from);
      break;
    case RecordType::block:
      record = decode_block(from);
      break;
    case RecordType::fact:
      record = decode_fact(from, sequence);
      break;
    case RecordType::event:
      record = decode_event(from);
      break;
    case RecordType::decision:
      record = decode_decision(from);
      break;
    case RecordType::end:
      record = decode_end(from);
      break;
    case RecordType::compiled:
      record = decode_compiled(from);
      break;
    case RecordType::changes:
      record = decode_changes(from);
      break;
    case RecordType::steps:  // are many: see decode_step()
      from.refuse();
      break;
  }
  if (!from.good()) {
    return fail(ErrorKind::format, fmt::format("a record of type {} is too short for what it "
                                               "announces, or holds a value that cannot be",
                                               static_cast<int>(type)));
  }
  if (!from.whole()) {
    return fail(ErrorKind::format, fmt::format("a record of type {} has {} bytes too many",
                                               static_cast<int>(type), from.left()));
  }
  return record;
}

}  // namespace gantry::host::recording
