#include "host/recording/codec.hpp"

#include <fmt/format.h>

#include <cstring>

namespace gantry::host::recording {
namespace {

// How a fact says where it came from: nearly all come from their pool's own address.
enum SourceForm : std::uint8_t { source_is_pool = 1, source_written = 2 };

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

 private:
  void raw(ByteView value) { out_->insert(out_->end(), value.begin(), value.end()); }

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
    to.word(record.check);
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
  record.check = from.word<std::uint64_t>();
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
