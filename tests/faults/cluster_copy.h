// A migrated data folder of Postgres, made once a process and copied for each run.
#ifndef TESTS_FAULTS_CLUSTER_COPY_H_
#define TESTS_FAULTS_CLUSTER_COPY_H_

#include <string>

#include "absl/status/status.h"

namespace cievents::faults {

inline constexpr char kDatabase[] = "cievents";

// Makes `data_dir`: the data of a server that was stopped in order, with the migrated database
// kDatabase and the partitions of now.
absl::Status CopyCluster(const std::string& data_dir);

// A fresh folder below /tmp that Postgres' user can enter; empty: none could be made.
std::string MakeFolder();

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_CLUSTER_COPY_H_
