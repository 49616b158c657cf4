import CLinux

/// The code of this program in memory.
package enum ProgramCode {
    /// Gives back what of it is mapped. What still runs comes back by itself, in a moment and from the system's cache of
    /// the file; what only the start ran does not.
    package static func release() { linux_release_code() }
}
