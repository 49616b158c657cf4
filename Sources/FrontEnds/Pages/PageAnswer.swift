import HTTP
import Primitives

/// An answer whose file is open and, where it is short, read already.
struct PageAnswer: Sendable {
    enum Content: Sendable {
        case none
        case bytes([UInt8])
        case file(OpenPage)
        /// The file could not be read.
        case broken
    }

    let head: HTTPResponse
    let content: Content

    init(head: HTTPResponse, content: Content) {
        self.head = head
        self.content = content
    }

    /// This part of a file.
    init(head: HTTPResponse, _ file: consuming PageFile, _ part: Range<Int>) {
        self.head = head
        guard part.count <= PageLookup.wholeLimit else {
            content = .file(OpenPage(file, part))
            return
        }
        do throws(SystemCallError) {
            let bytes = try file.read(at: part.lowerBound, count: part.count)
            content = bytes.count == part.count ? .bytes(bytes) : .broken
        } catch {
            content = .broken
        }
    }
}

/// A long file on its way to a client; it is closed when nobody knows it any more.
final class OpenPage: Sendable {
    let part: Range<Int>
    private let file: PageFile

    init(_ file: consuming PageFile, _ part: Range<Int>) {
        self.file = file
        self.part = part
    }

    /// The piece at `offset`; empty when the file became shorter. Blocks for the disk.
    func piece(at offset: Int) throws(SystemCallError) -> [UInt8] {
        try file.read(at: offset, count: min(64 << 10, part.upperBound - offset))
    }
}
