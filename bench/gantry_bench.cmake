# All benches in one program: one table, one JSON file.
find_package(benchmark REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
add_executable(gantry_bench
  ${CMAKE_CURRENT_LIST_DIR}/main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/table.cpp
  ${CMAKE_CURRENT_LIST_DIR}/backtest_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/balancer_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/boundary_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/curve_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/execution_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/guard_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ledger_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/live_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/loading_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/provider_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/risk_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/sizing_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/start_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/street_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/toggle_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/triangular_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/u256_bench.cpp
  ${CMAKE_CURRENT_LIST_DIR}/uniswap_v3_bench.cpp
  ${PROJECT_SOURCE_DIR}/tests/evm/pair_contract.cpp
  ${PROJECT_SOURCE_DIR}/tests/evm/playground_market.cpp
  ${PROJECT_SOURCE_DIR}/tests/evm/v2_factory_contract.cpp
  ${PROJECT_SOURCE_DIR}/tests/plugins/balancer/told_pool.cpp
  ${PROJECT_SOURCE_DIR}/tests/plugins/curve/answers.cpp
  ${PROJECT_SOURCE_DIR}/tests/plugins/triangular/recorded_market.cpp
  ${PROJECT_SOURCE_DIR}/tests/support/rpc_chain.cpp
  ${PROJECT_SOURCE_DIR}/tests/support/rpc_server.cpp)
find_library(ZSTD_LIBRARY zstd REQUIRED)
target_link_libraries(gantry_bench PRIVATE gantry_options gantry_test_market
  gantry_test_venue gantry_host Boost::json OpenSSL::SSL OpenSSL::Crypto benchmark::benchmark
  ${ZSTD_LIBRARY} ${CMAKE_DL_LIBS})
add_dependencies(gantry_bench gantry idle_strategy balancer curve uniswap_v2 uniswap_v3)
# A child's sandbox is not for the sanitizers' programs.
if(NOT GANTRY_SANITIZE)
  target_sources(gantry_bench PRIVATE ${CMAKE_CURRENT_LIST_DIR}/isolation_bench.cpp)
endif()
gantry_uses_flow_graph(gantry_bench ${CMAKE_CURRENT_LIST_DIR}/street_bench.cpp)
target_include_directories(gantry_bench PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
target_compile_definitions(gantry_bench PRIVATE
  GANTRY_CURVE_ANSWERS="${PROJECT_SOURCE_DIR}/tests/plugins/curve/answers"
  GANTRY_LICENCE="${PROJECT_SOURCE_DIR}/LICENSE"
  GANTRY_RECORDING="${PROJECT_SOURCE_DIR}/data/univ2_2020.gantry"
  GANTRY_PROGRAM="$<TARGET_FILE:gantry>"
  GANTRY_CONFIG_FOLDER="${PROJECT_SOURCE_DIR}/config"
  GANTRY_UNISWAP_V3_PLUGIN="$<TARGET_FILE:uniswap_v3>"
  GANTRY_PLUGIN_FOLDER="${CMAKE_BINARY_DIR}/plugins"
  GANTRY_TEST_PLUGIN_FOLDER="${CMAKE_BINARY_DIR}/test_plugins"
  GANTRY_COMPILER="${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
  GANTRY_FLAGS="${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}")

# Small, among the tests: a wrong answer fails it, a missed target does not.
add_test(NAME bench_small COMMAND gantry_bench --benchmark_min_time=0.001
  --benchmark_repetitions=1 --json=${CMAKE_BINARY_DIR}/bench_small.json)
# A ledger of a million trades takes minutes to write.
set_tests_properties(bench_small PROPERTIES LABELS bench ENVIRONMENT GANTRY_BENCH_TRADES=3000)

# What the peers in bench/peers are asked, by bench/peers/run.sh.
if(GANTRY_SANITIZE)
  return()
endif()
add_executable(gantry_peers
  ${CMAKE_CURRENT_LIST_DIR}/peers/backtests.cpp
  ${CMAKE_CURRENT_LIST_DIR}/peers/ours.cpp
  ${CMAKE_CURRENT_LIST_DIR}/peers/searches.cpp
  ${PROJECT_SOURCE_DIR}/tests/evm/balancer_v2_contracts.cpp
  ${PROJECT_SOURCE_DIR}/tests/evm/uniswap_v3_contract.cpp
  ${PROJECT_SOURCE_DIR}/tests/plugins/balancer/told_pool.cpp
  ${PROJECT_SOURCE_DIR}/tests/plugins/curve/answers.cpp
  ${PROJECT_SOURCE_DIR}/tests/plugins/triangular/recorded_market.cpp)
target_link_libraries(gantry_peers PRIVATE gantry_options gantry_test_market gantry_test_venue
  ${ZSTD_LIBRARY} ${CMAKE_DL_LIBS})
target_include_directories(gantry_peers PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
target_compile_definitions(gantry_peers PRIVATE GANTRY_PLUGIN_FOLDER="${CMAKE_BINARY_DIR}/plugins"
  GANTRY_RECORDING="${PROJECT_SOURCE_DIR}/data/univ2_2020.gantry"
  GANTRY_TEST_PLUGIN_FOLDER="${CMAKE_BINARY_DIR}/test_plugins"
  GANTRY_CURVE_ANSWERS="${PROJECT_SOURCE_DIR}/tests/plugins/curve/answers"
  GANTRY_UNISWAP_V3_PLUGIN="$<TARGET_FILE:uniswap_v3>")
add_dependencies(gantry_peers balancer curve idle_strategy uniswap_v2 uniswap_v3)

# Those peers that are installed: a wrong answer fails it. What is not there is left out, and said.
add_test(NAME "peers: packages, crates and contracts answer as Gantry quotes"
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/peers/run.sh --quick ${CMAKE_BINARY_DIR})
set_tests_properties("peers: packages, crates and contracts answer as Gantry quotes"
  PROPERTIES LABELS release_only)
