// Only carries the precompiled header of the tests (see the top-level CMakeLists.txt).
