add_executable(bench_triangular
  ${CMAKE_CURRENT_SOURCE_DIR}/triangular_bench.cpp
  ${PROJECT_SOURCE_DIR}/tests/plugins/triangular/recorded_market.cpp)
target_link_libraries(bench_triangular PRIVATE gantry_options triangular_core gantry_host
  benchmark::benchmark)
target_include_directories(bench_triangular PRIVATE ${PROJECT_SOURCE_DIR}
  ${PROJECT_SOURCE_DIR}/tests)
target_compile_definitions(bench_triangular PRIVATE
  GANTRY_RECORDING="${PROJECT_SOURCE_DIR}/data/univ2_2020.gantry")
