// Checks what our daemons publish with code that is not ours: golang.org/x/mod/sumdb (note, tlog) and crypto/ed25519.
//
//	audit log POLICY DIR              a log as static files (C2SP tlog-tiles): checkpoint, hash tiles, every entry, several sizes
//	audit proof POLICY PROOF LEAF     a C2SP tlog-proof of a leaf, with at least one cosignature of a witness of the policy
//
// POLICY is a C2SP tlog-policy, of which the keys are read and the quorum is not. Exit code 0: it holds; 1: refused; 2: called wrongly.
//
// Not here: what a leaf says.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	err := errors.New("usage: audit log POLICY DIR | audit proof POLICY PROOF LEAF")
	code := 2
	switch {
	case len(os.Args) == 4 && os.Args[1] == "log":
		err, code = auditLog(os.Args[2], os.Args[3]), 1
	case len(os.Args) == 5 && os.Args[1] == "proof":
		err, code = auditProof(os.Args[2], os.Args[3], os.Args[4]), 1
	}
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(code)
	}
}

// A witness's key: cosignature/v1 of C2SP tlog-cosignature, algorithm 4, which x/mod does not know.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }

func (w *witness) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	seconds := binary.BigEndian.Uint64(signature)
	if seconds > 1<<63-1 {
		return false
	}
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", seconds, text)
	return ed25519.Verify(w.key, []byte(signed), signature[8:])
}

func newWitness(vkey string) (*witness, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("a witness's key has three parts")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, errors.New("a witness's key is of algorithm 4")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	hash := binary.BigEndian.Uint32(sum[:])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		return nil, errors.New("a witness's key has another id")
	}
	return &witness{parts[0], hash, key[1:]}, nil
}

// The keys of a policy.
type policy struct {
	logs, all []note.Verifier
}

func readPolicy(path string) (*policy, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := new(policy)
	for _, line := range strings.Split(string(data), "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) >= 2 && words[0] == "log":
			key, err := note.NewVerifier(words[1])
			if err != nil {
				return nil, err
			}
			p.logs, p.all = append(p.logs, key), append(p.all, key)
		case len(words) >= 3 && words[0] == "witness":
			key, err := newWitness(words[2])
			if err != nil {
				return nil, err
			}
			p.all = append(p.all, key)
		}
	}
	return p, nil
}

// A checkpoint that its log signed; how many witnesses cosigned it.
type checkpoint struct {
	origin    string
	tree      tlog.Tree
	witnesses int
}

func (p *policy) open(data []byte) (*checkpoint, error) {
	opened, err := note.Open(data, note.VerifierList(p.all...))
	if err != nil {
		return nil, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return nil, errors.New("a checkpoint has three lines")
	}
	c := &checkpoint{origin: lines[0]}
	c.tree.N, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(c.tree.N, 10) != lines[1] || c.tree.N < 0 {
		return nil, errors.New("the checkpoint has no size")
	}
	if c.tree.Hash, err = tlog.ParseHash(lines[2]); err != nil {
		return nil, err
	}
	signed := false
	for _, signature := range opened.Sigs {
		isLog := false
		for _, log := range p.logs {
			isLog = isLog || log.Name() == signature.Name && log.KeyHash() == signature.Hash
		}
		signed = signed || isLog && signature.Name == c.origin
		if !isLog {
			c.witnesses++
		}
	}
	if !signed {
		return nil, errors.New("the checkpoint is not signed by the log that it names")
	}
	return c, nil
}

// Tiles below a folder. x/mod writes the height into a tile's path, tlog-tiles does not.
type folder struct {
	dir  string
	held map[string][]byte
}

func (f *folder) Height() int { return 8 }

func (f *folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f *folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(tiles))
	for i, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, known := f.held[path]
		if !known {
			var err error
			if data, err = os.ReadFile(filepath.Join(f.dir, path)); err != nil {
				return nil, err
			}
			if len(data) != tile.W*tlog.HashSize {
				return nil, fmt.Errorf("%s has %d bytes", path, len(data))
			}
			f.held[path] = data
		}
		read[i] = data
	}
	return read, nil
}

// The hashes of the entries that were read: a second tree, which shares nothing with the tiles.
type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(m)) {
			return nil, fmt.Errorf("hash %d is not there", index)
		}
		hashes[i] = m[index]
	}
	return hashes, nil
}

func auditLog(policyPath, dir string) error {
	p, err := readPolicy(policyPath)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	c, err := p.open(data)
	if err != nil {
		return err
	}
	if c.tree.N == 0 {
		if c.tree.Hash != sha256.Sum256(nil) {
			return errors.New("an empty tree with another root")
		}
		fmt.Printf("%s: empty\n", c.origin)
		return nil
	}
	tiles := tlog.TileHashReader(c.tree, &folder{dir, map[string][]byte{}})
	entries, err := checkEntries(dir, c.tree, tiles)
	if err != nil {
		return err
	}
	sizes, err := checkSizes(c.tree, tiles, entries)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d entries, %d earlier sizes, %d cosignatures\n", c.origin, c.tree.N, sizes, c.witnesses)
	return nil
}

// Every entry is in its bundle, its hash in its tile, and its path leads to the root.
func checkEntries(dir string, tree tlog.Tree, tiles tlog.HashReader) (memory, error) {
	var entries memory
	for first := int64(0); first < tree.N; first += 256 {
		width := tree.N - first
		if width > 256 {
			width = 256
		}
		bundle := tlog.Tile{H: 8, L: 0, N: first / 256, W: int(width)}
		path := strings.Replace(bundle.Path(), "tile/8/0/", "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return nil, err
		}
		for index := first; index < first+width; index++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, fmt.Errorf("%s ends inside entry %d", path, index)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			entry := data[2:end]
			data = data[end:]
			hash := tlog.RecordHash(entry)
			stored, err := tiles.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
			if err != nil {
				return nil, err
			}
			if stored[0] != hash {
				return nil, fmt.Errorf("entry %d is not the one that was hashed", index)
			}
			proof, err := tlog.ProveRecord(tree.N, index, tiles)
			if err != nil {
				return nil, err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, hash); err != nil {
				return nil, fmt.Errorf("entry %d: %w", index, err)
			}
			hashes, err := tlog.StoredHashesForRecordHash(index, hash, entries)
			if err != nil {
				return nil, err
			}
			entries = append(entries, hashes...)
		}
		if len(data) != 0 {
			return nil, fmt.Errorf("%s has more than its entries", path)
		}
	}
	return entries, nil
}

// The trees of earlier sizes, made of the entries, are the beginning of the signed one.
func checkSizes(tree tlog.Tree, tiles tlog.HashReader, entries memory) (int, error) {
	checked := 0
	for _, old := range []int64{1, 2, 3, tree.N / 3, tree.N / 2, 255, 256, 257, tree.N - 1, tree.N} {
		if old < 1 || old > tree.N {
			continue
		}
		root, err := tlog.TreeHash(old, entries)
		if err != nil {
			return 0, err
		}
		proof, err := tlog.ProveTree(tree.N, old, tiles)
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old, root); err != nil {
			return 0, fmt.Errorf("size %d: %w", old, err)
		}
		checked++
	}
	return checked, nil
}

func auditProof(policyPath, proofPath, leafPath string) error {
	p, err := readPolicy(policyPath)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(proofPath)
	if err != nil {
		return err
	}
	leaf, err := os.ReadFile(leafPath)
	if err != nil {
		return err
	}
	head, signed, found := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		return errors.New("no tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	c, err := p.open(signed)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(proof, c.tree.N, c.tree.Hash, index, tlog.RecordHash(leaf)); err != nil {
		return err
	}
	if c.witnesses == 0 {
		return errors.New("no witness of the policy has cosigned")
	}
	fmt.Printf("%s: leaf %d of %d, %d cosignatures\n", c.origin, index, c.tree.N, c.witnesses)
	return nil
}
