import Glibc

/// A name in a directory, as the system has it: bytes that need not be UTF-8.
struct EntryName: Sendable {
    /// Ends with a zero byte, to be handed to system calls.
    let cString: [CChar]

    /// - Parameter entry: what `readdir` gave; its name is a tuple in Swift, so it is read in place.
    init(_ entry: UnsafeMutablePointer<dirent>) {
        let offset = MemoryLayout<dirent>.offset(of: \dirent.d_name) ?? 19
        let start = unsafe (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self)
        cString = unsafe Array(UnsafeBufferPointer(start: start, count: strlen(start) + 1))
    }

    var bytes: [UInt8] { cString.dropLast().map(UInt8.init(bitPattern:)) }
    /// As it is shown, see ``PathText``.
    var text: String { PathText.text(bytes) }
    var isHidden: Bool { cString.first == 0x2E }
    var isSelfOrParent: Bool { cString == [0x2E, 0] || cString == [0x2E, 0x2E, 0] }
}
