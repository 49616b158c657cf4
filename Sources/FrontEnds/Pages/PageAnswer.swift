import HTTP
import Primitives

/// An answer whose file was found and, where it is short, read already.
struct PageAnswer: Sendable {
    enum Content: Sendable {
        case none
        case bytes([UInt8])
        case file(PagePart)
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
            content = .file(PagePart(file, part))
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

/// A long file on its way to a client. It is opened for each piece: a client that does not read holds no descriptor.
struct PagePart: Sendable {
    let part: Range<Int>
    private let place: PageFile.Place
    private let tag: String

    init(_ file: borrowing PageFile, _ part: Range<Int>) {
        self.part = part
        place = file.place
        tag = file.tag
    }

    /// The piece at `offset`; empty when the file is another one by now. Blocks for the disk.
    func piece(at offset: Int) throws(SystemCallError) -> [UInt8] {
        guard let file = PageFile.open(place), file.tag.utf8.elementsEqual(tag.utf8) else { return [] }
        return try file.read(at: offset, count: min(PageLookup.wholeLimit, part.upperBound - offset))
    }
}
