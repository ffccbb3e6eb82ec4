# 256-bit arithmetic and the constant-product quote, beside Boost.Multiprecision.
find_package(Boost 1.81 REQUIRED)
add_executable(bench_u256 ${CMAKE_CURRENT_LIST_DIR}/u256_bench.cpp)
target_link_libraries(bench_u256 PRIVATE gantry_options gantry::sdk Boost::headers
  benchmark::benchmark benchmark::benchmark_main)
# Runs small among the tests, where a wrong answer fails it.
add_test(NAME "the benches of u256 give right answers" COMMAND bench_u256 --benchmark_min_time=0.001)
set_tests_properties("the benches of u256 give right answers" PROPERTIES
  FAIL_REGULAR_EXPRESSION "ERROR OCCURRED" LABELS bench)
