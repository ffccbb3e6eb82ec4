#include "plugins/dex/aave_v3/position.hpp"
#include "tests/fuzz/venue/scene.hpp"

namespace gantry::fuzz {

namespace {

constexpr const char* market = "0xfa000000000000000000000000000000000000fa";
constexpr const char* account = "0xb0000000000000000000000000000000000000b0";
constexpr std::uint32_t ids_max = 32;  // reserves that the market has listed

// Of each reserve its token, whose last byte is the id and one, and what the market made for it.
std::uint32_t id_of(std::uint64_t token) { return (static_cast<std::uint32_t>(token) - 1) % 128; }
gantry_address made_for(std::uint32_t id, std::uint8_t kind) {
  return address_of(GANTRY_ADDRESS_EVM, static_cast<std::uint8_t>(kind + id));
}

u256 bits(std::uint64_t value, unsigned place) { return shift_left(u256(value), place); }

// Mostly one that can be liquidated.
u256 configuration(Input& in) {
  constexpr std::uint32_t decimals[] = {18, 6, 8, 2};
  const bool odd = in.one_in(16);
  u256 word = bits(6000U + 16U * in.value<std::uint8_t>(), 16);                  // threshold
  word = bitwise_or(word, bits(odd ? in.value<std::uint16_t>() : 10'500U, 32));  // bonus
  word = bitwise_or(word, bits(odd ? in.value<std::uint8_t>() : decimals[in.below(4)], 48));
  word = bitwise_or(word, bits(in.one_in(16) ? 0 : 1, 56));           // active
  word = bitwise_or(word, bits(in.one_in(16) ? 1 : 0, 60));           // paused
  word = bitwise_or(word, bits(8U * in.value<std::uint8_t>(), 152));  // protocol fee
  return bitwise_or(word, bits(in.below(4), 168));                    // mode
}

// Ray, from 1 on.
u256 index(Input& in) {
  u256 ray(1'000'000'000);
  for (int i = 0; i < 2; ++i) {
    if (!mul(ray, u256(1'000'000'000), ray)) return {};
  }
  return wrapping_add(ray, bits(in.value<std::uint32_t>(), in.below(70)));
}

}  // namespace

std::vector<std::vector<Parameter>> Scene::instances() {
  const auto with = [](const char* accounts, std::int64_t from) {
    return std::vector<Parameter>{{"market", market},
                                  {"accounts", accounts},
                                  {"borrows_from_block", "", from, GANTRY_PARAMETER_INTEGER},
                                  {"accounts_max", "", 4, GANTRY_PARAMETER_INTEGER}};
  };
  return {with(account, -1), with("", 90), with(account, 0), with("", -1)};
}

Scene::Scene(Input& in)
    : metadata(std::string(aave_v3::account_key) + account),
      decimals{18, 6},
      time_s(1'700'000'000),
      kind_(std::array{aave_v3::revision_3_0, aave_v3::revision_3_6,
                       aave_v3::revision_3_7}[in.below(3)]) {
  // Debt of the first reserve, collateral of the second, and whatever else.
  u256 user = bits(0b1001, 0);
  for (std::uint32_t more = in.below(4); more != 0; --more) {
    user = bitwise_or(user, bits(1 + in.below(3), 2 * in.below(ids_max)));
  }
  numbers_ = {user, u256(in.below(3))};
  address = aave_v3::position_id(evm::parse_hex<20>(market).value(),
                                 evm::parse_hex<20>(account).value(), 1, 0);
}

Bytes Scene::answer(const Question& question, Input& in) {
  const auto amount = [&] { return bits(in.value<std::uint64_t>(), in.below(40)); };
  const auto id = id_of(question.argument(0));
  switch (question.selector()) {
    case 0x0148170e:  // POOL_REVISION()
      return WordList().add(in.one_in(32) ? u256(in.below(12)) : u256(kind_));
    case 0x0542975c:  // ADDRESSES_PROVIDER()
      return WordList().add(address_of(GANTRY_ADDRESS_EVM, 0xf1));
    case 0xfca513a8:  // getPriceOracle()
      return WordList().add(address_of(GANTRY_ADDRESS_EVM, in.one_in(32) ? 0xf2 : 0xf3));
    case 0x5eb88d3d:  // getPriceOracleSentinel()
      return WordList().add(in.below(2) == 0 ? u256()
                                             : word_of(address_of(GANTRY_ADDRESS_EVM, 0xf4)));
    case 0x7a5d20ea:  // isLiquidationAllowed()
      return WordList().add(u256(in.below(2)));
    case 0x4417a583:  // getUserConfiguration(address)
      return WordList().add(in.one_in(32) ? u256(in.value<gantry_amount>()) : numbers_[0]);
    case 0xeddf1b79:  // getUserEMode(address)
      return WordList().add(numbers_[1]);
    case 0x6c6f6ae1:  // getEModeCategoryData(uint8)
      return WordList()
          .add(u256(32))
          .add(u256(9000))
          .add(u256(9300))
          .add(u256(10'200))
          .add(u256(in.one_in(16) ? 1 : 0))
          .add(u256(160))
          .add(u256());
    case 0xb286f467:  // getEModeCategoryCollateralConfig(uint8)
      return WordList().add(u256(9000)).add(u256(9300)).add(u256(10'200));
    case 0xb0771dba:  // getEModeCategoryCollateralBitmap(uint8)
      return WordList().add(u256(in.value<std::uint32_t>()));
    case 0x52751797:  // getReserveAddressById(uint16)
      return WordList().add(token(question.argument(0)));
    case 0x35ea6a75: {  // getReserveData(address)
      WordList words;
      words.add(configuration(in)).add(index(in)).add(amount()).add(index(in)).add(amount());
      words.add(u256()).add(u256(time_s - in.value<std::uint16_t>())).add(u256(id));
      words.add(made_for(id, 0x20)).add(made_for(id, 0x50)).add(made_for(id, 0x80));
      for (int i = 0; i < 4; ++i) words.add(u256());
      return words;
    }
    case 0xd1946dbc: {  // getReservesList()
      WordList words;
      words.add(u256(32)).add(u256(4));
      for (std::uint32_t i = 0; i < 4; ++i) words.add(token(i));
      return words;
    }
    case 0xb3596f07:  // getAssetPrice(address)
      return WordList().add(u256(in.one_in(16) ? 0U : 1 + in.value<std::uint32_t>()));
    case 0x1da24f3e:  // scaledBalanceOf(address)
    case 0x70a08231:  // balanceOf(address)
    case 0x6fb07f96:  // getVirtualUnderlyingBalance(address)
      return WordList().add(amount());
    case 0xc634dfaa:  // principalBalanceOf(address)
      return WordList().add(u256(in.one_in(16) ? 1 : 0));
    case 0x5c9a8b18:  // getLiquidationGracePeriod(address)
      return WordList().add(in.one_in(16) ? u256(time_s + in.below(2)) : u256());
    default:
      return {};
  }
}

Log Scene::log(Input& in) {
  const auto& topic = aave_v3::borrow_topic;
  return {{topic.begin(), topic.end()}, WordList().add(in.amount()).add(in.amount())};
}

}  // namespace gantry::fuzz
