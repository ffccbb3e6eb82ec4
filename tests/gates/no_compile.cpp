// Shows that a must-not-compile test works: each mistake below is one the compiler has to refuse.
#include <cstdint>

class Amount {
 public:
  static Amount wei(std::uint64_t value) { return Amount(value); }

 private:
  explicit Amount(std::uint64_t value) : value_(value) {}
  std::uint64_t value_;
};

Amount one() {
#if MUST_FAIL == 1
  return Amount(1);
#elif MUST_FAIL == 2
  return 1;
#else
  return Amount::wei(1);
#endif
}
