import Glibc
import Primitives

/// Files of the kernel say that they are empty (`/proc`) or as large as a page (`/sys`), and have another content. Only
/// reading to the end tells how much there is.
enum UnsizedFile {
    /// What says to be larger is believed.
    private static let suspectSize: Int64 = 1 << 16
    /// Of what says to be empty.
    static let maxContent = 32 << 20

    static func isSuspect(_ size: Int64) -> Bool { size <= suspectSize }

    /// Reads to the end, but of a file that has a size not more than that.
    /// - Returns: `nil` when there is more than ``maxContent``.
    static func read(_ file: borrowing Descriptor, size: Int64) throws(SystemCallError) -> [UInt8]? {
        let limit = size > 0 ? Int(size) : maxContent + 1
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let piece: [UInt8]
            do {
                piece = try file.read(limit: min(1 << 16, limit - bytes.count))
            } catch  where error.code == EAGAIN {
                // It waits for events: what there was is all there is.
                break
            }
            if piece.isEmpty { break }
            bytes += piece
        }
        return bytes.count > maxContent ? nil : bytes
    }
}
