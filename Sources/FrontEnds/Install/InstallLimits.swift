/// What a front end may have. The largest one known has 900 files and 12 MB.
package struct InstallLimits: Sendable, Hashable {
    package var files = 10_000
    /// Bytes of one file.
    package var fileSize = 64 << 20
    /// Bytes of all files together, unpacked.
    package var totalSize = 256 << 20
    /// Bytes of a path below the top.
    package var pathLength = 512
    package var depth = 16

    package init() {}
}
