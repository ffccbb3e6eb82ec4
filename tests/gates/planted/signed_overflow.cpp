// A signed sum that leaves its type, when called with `faulty`.
#include <cstring>
#include <limits>

int main(int count, char** arguments) {
  const bool faulty = count > 1 && std::strcmp(arguments[1], "faulty") == 0;
  volatile int sum = std::numeric_limits<int>::max() - (faulty ? 0 : 1);
  sum = sum + 1;
  return sum == 0 ? 1 : 0;
}
